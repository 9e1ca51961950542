//! How far long work has come: a bar on a terminal, a line now and then elsewhere, always on standard error.
//!
//! # Invariants
//!
//! - Nothing is written after [`Progress::finish`], and a bar is gone when the results are printed.
//! - However often it is told, it writes ten times a second at most on a terminal, every five seconds elsewhere.

use std::{
    collections::VecDeque,
    io::{self, IsTerminal as _, Write},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::figures::duration;

/// Time between two changes of a bar.
const BAR_EVERY: Duration = Duration::from_millis(100);

/// Time between two lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Time over which speed is taken.
const SPEED_OVER: Duration = Duration::from_secs(15);

/// Least time between two samples of a speed.
const SAMPLE_EVERY: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Bar,
    Lines,
    Silent,
}

/// Tells how far work has come.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    look: Look,
    told: Option<Instant>,
    done: u64,
    speed: Speed<1>,
}

impl Progress {
    /// A bar on a terminal, lines elsewhere; nothing if `quiet`.
    pub(crate) fn new(quiet: bool) -> Self {
        let look = match (quiet, io::stderr().is_terminal()) {
            (true, _) => Look::Silent,
            (false, true) => Look::Bar,
            (false, false) => Look::Lines,
        };
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        if look == Look::Bar {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        Self { bar, look, told: None, done: 0, speed: Speed::new() }
    }

    /// A writer for others that want to tell something on standard error meanwhile, such as logs.
    pub(crate) fn beside(&self) -> Beside {
        Beside(self.bar.clone())
    }

    /// Begins something whose end cannot be foreseen.
    pub(crate) fn busy(&mut self, doing: &str) {
        self.told = Some(Instant::now());
        match self.look {
            Look::Bar => {
                self.bar.set_style(style("{spinner} {wide_msg}"));
                self.bar.set_message(doing.to_owned());
                self.bar.enable_steady_tick(BAR_EVERY);
            }
            Look::Lines => self.say(doing),
            Look::Silent => {}
        }
    }

    /// Tells that what was begun with [`Progress::busy`] goes on; `text` is called only if something is written.
    pub(crate) fn still_busy(&mut self, text: impl FnOnce() -> String) {
        if !self.is_due(Instant::now()) {
            return;
        }
        match self.look {
            Look::Bar => self.bar.set_message(text()),
            Look::Lines => self.say(&text()),
            Look::Silent => {}
        }
    }

    /// Returns whether it is time to write again, and takes it that this is done.
    fn is_due(&mut self, now: Instant) -> bool {
        let every = match self.look {
            Look::Bar => BAR_EVERY,
            Look::Lines => LINE_EVERY,
            Look::Silent => return false,
        };
        let due = self.told.is_none_or(|told| now.duration_since(told) >= every);
        if due {
            self.told = Some(now);
        }
        due
    }

    /// Begins something that is done at `total`.
    pub(crate) fn begin(&mut self, total: u64) {
        self.bar.disable_steady_tick();
        self.bar.set_style(style("[{bar:24}] {percent:>3} %  {wide_msg}"));
        self.bar.set_length(total);
        self.bar.set_message("");
        self.done = 0;
        self.speed = Speed::new();
        self.told = (self.look == Look::Lines).then(Instant::now);
    }

    /// Tells that `done` is done; `text` says more. It is called only if something is written.
    pub(crate) fn update(&mut self, done: u64, text: impl FnOnce() -> String) {
        let now = Instant::now();
        self.done = done;
        self.speed.sample(now, [done]);
        if !self.is_due(now) {
            return;
        }
        let left = self.left().map(|left| format!(", {} left", duration(left))).unwrap_or_default();
        let text = format!("{}{left}", text());
        if self.look == Look::Bar {
            self.bar.set_position(done);
            self.bar.set_message(text);
        } else {
            let total = self.bar.length().unwrap_or(0).max(1);
            self.say(&format!("{} %: {text}", done.saturating_mul(100) / total));
        }
    }

    /// Time left at the speed of the last seconds.
    fn left(&self) -> Option<Duration> {
        let [speed] = self.speed.per_second()?;
        let left = self.bar.length()?.saturating_sub(self.done);
        // A speed of nearly nothing would be years; the bar says so by standing still.
        (speed >= 1.0).then(|| Duration::from_secs_f64(left as f64 / speed))
    }

    /// Tells something once, beside the bar.
    pub(crate) fn say(&self, text: &str) {
        if self.look != Look::Silent {
            // With nowhere to tell it there is nobody to miss it.
            let _ = writeln!(self.beside(), "{text}");
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&mut self) {
        self.bar.finish_and_clear();
        self.look = Look::Silent;
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

/// Standard error, with the bar out of the way while something is written.
#[derive(Debug, Clone)]
pub(crate) struct Beside(ProgressBar);

impl Write for Beside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// How fast counters grow, over the last [`SPEED_OVER`].
#[derive(Debug)]
pub(crate) struct Speed<const N: usize> {
    /// At most `SPEED_OVER / SAMPLE_EVERY` and two more.
    samples: VecDeque<(Instant, [u64; N])>,
    last: Option<(Instant, [u64; N])>,
}

impl<const N: usize> Speed<N> {
    pub(crate) const fn new() -> Self {
        Self { samples: VecDeque::new(), last: None }
    }

    /// Takes the counters as of `now`.
    pub(crate) fn sample(&mut self, now: Instant, counters: [u64; N]) {
        self.last = Some((now, counters));
        let newest = self.samples.back().map(|(at, _)| now.duration_since(*at));
        if newest.is_some_and(|age| age < SAMPLE_EVERY) {
            return;
        }
        self.samples.push_back((now, counters));
        while self.samples.len() > 2
            && self.samples.front().is_some_and(|(at, _)| now.duration_since(*at) > SPEED_OVER)
        {
            self.samples.pop_front();
        }
    }

    /// Growth of each counter a second; none before there are two moments to compare.
    pub(crate) fn per_second(&self) -> Option<[f64; N]> {
        let (first_at, first) = self.samples.front()?;
        let (last_at, last) = self.last.as_ref()?;
        let seconds = last_at.duration_since(*first_at).as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        let grown = |at: usize| last[at].saturating_sub(first[at]) as f64 / seconds;
        Some(std::array::from_fn(grown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_that_of_the_last_seconds() {
        let begun = Instant::now();
        let mut speed = Speed::new();
        assert_eq!(speed.per_second(), None);
        for second in 0..60 {
            // Ten a second for half a minute, a hundred a second afterwards.
            let count = if second < 30 { second * 10 } else { 300 + (second - 30) * 100 };
            speed.sample(begun + Duration::from_secs(second), [count]);
        }
        assert_eq!(speed.per_second(), Some([100.0]));
        assert!(speed.samples.len() < 20, "{}", speed.samples.len());
    }
}
