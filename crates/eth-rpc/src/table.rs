//! One table of methods: what each is called, what it takes, how it is run, and what the document says of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use quintet_rpc::{
    ErrorObjectOwned, Method, Params, Registry, RpcError, RpcModule, RpcResult, StartError,
};

use tokio::sync::Semaphore;

use crate::{
    answer::Answer,
    args::Args,
    deadline::Deadline,
    error::{EthError, EthResult, codes},
};

/// Runs a method.
pub(crate) type Run<C> = fn(&C, &Args) -> EthResult<Answer>;

/// Runs a method as long as it is told to go on; none if it gave up.
pub(crate) type Try<C> = fn(&C, &Args, &mut dyn FnMut() -> bool) -> EthResult<Option<Answer>>;

/// How long a method is tried where it is before it is handed to a thread for such work: less than others would notice who wait meanwhile,
/// and many times what handing over costs.
const TRIED_FOR: Duration = Duration::from_micros(500);

/// Most calls of a module whose cost nobody knows that run at a time. One that was answered because its time was over counts until its
/// thread has given up; others wait for it as long as their own time lets them.
const TIMED_CALLS_MAX: usize = 64;

/// What running a method costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// Microseconds: it runs where it is.
    Light,
    /// More: it runs on a thread for such work.
    Heavy,
    /// As much as its caller likes: it is answered once its time is over, whether it ended or not.
    Timed,
}

/// A method.
pub(crate) struct Entry<C: 'static> {
    name: &'static str,
    /// Most parameters.
    most: usize,
    cost: Cost,
    run: Run<C>,
    /// How it is tried first.
    attempt: Option<Try<C>>,
    method: Method,
}

impl<C> Entry<C> {
    pub(crate) fn light(name: &'static str, summary: &'static str, run: Run<C>) -> Self {
        let method = Method::new(name, summary);
        Self { name, most: 0, cost: Cost::Light, run, attempt: None, method }
    }

    pub(crate) fn heavy(name: &'static str, summary: &'static str, run: Run<C>) -> Self {
        Self { cost: Cost::Heavy, ..Self::light(name, summary, run) }
    }

    pub(crate) fn timed(name: &'static str, summary: &'static str, run: Run<C>) -> Self {
        Self { cost: Cost::Timed, ..Self::light(name, summary, run) }
    }

    /// It is over at once more often than not: it is tried where it is first.
    pub(crate) fn tried(self, attempt: Try<C>) -> Self {
        Self { attempt: Some(attempt), ..self }
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn param<T: schemars::JsonSchema>(
        mut self,
        name: &'static str,
        summary: &'static str,
    ) -> Self {
        self.most += 1;
        Self { method: self.method.param::<T>(name, summary), ..self }
    }

    pub(crate) fn optional<T: schemars::JsonSchema>(
        mut self,
        name: &'static str,
        summary: &'static str,
    ) -> Self {
        self.most += 1;
        Self { method: self.method.optional::<T>(name, summary), ..self }
    }

    /// Tells of an error that a client should be ready for.
    pub(crate) fn fails(self, code: i32, message: &'static str) -> Self {
        Self { method: self.method.error(code, message), ..self }
    }

    /// It reads the state after a block, which may not be there, or not any more.
    pub(crate) fn reads_state(self) -> Self {
        self.fails(codes::SERVER, NO_BLOCK).fails(codes::PRUNED, NO_STATE)
    }

    pub(crate) fn gives<T: schemars::JsonSchema>(
        self,
        name: &'static str,
        summary: &'static str,
    ) -> Self {
        Self { method: self.method.result::<T>(name, summary), ..self }
    }
}

/// What a method says whose block is not there.
const NO_BLOCK: &str = "header not found: there is no such block";
/// What a method says whose state is not there any more.
const NO_STATE: &str = "what was asked for is not kept any more";

/// Registers the methods of a table, of which one may take so many milliseconds.
pub(crate) fn register<C: Send + Sync + 'static>(
    module: &mut RpcModule<Arc<C>>,
    entries: Vec<Entry<C>>,
    millis: u64,
) -> Result<(), StartError> {
    let slots = Arc::new(Semaphore::new(TIMED_CALLS_MAX));
    for Entry { name, most, cost, run, attempt, .. } in entries {
        match cost {
            Cost::Light => {
                module.register_method(name, move |params, context, _| {
                    let deadline = Deadline::after(millis);
                    RpcResult::<Answer>::from(perform(run, most, context, &params, deadline))
                })?;
            }
            Cost::Heavy => {
                module.register_async_method(name, move |params, context, _| async move {
                    let params: Params<'static> = params;
                    let deadline = Deadline::after(millis);
                    let work = move || perform(run, most, &context, &params, deadline);
                    match tokio::task::spawn_blocking(work).await {
                        Ok(answer) => answer,
                        Err(error) => Err(RpcError::internal("running a method", &error).into()),
                    }
                })?;
            }
            Cost::Timed => {
                let slots = Arc::clone(&slots);
                module.register_async_method(name, move |params, context, _| {
                    let (slots, deadline) = (Arc::clone(&slots), Deadline::after(millis));
                    async move {
                        // The module holds what it was given in an `Arc` of its own.
                        let context = Arc::<C>::clone(&context);
                        if let Some(attempt) = attempt {
                            // A batch of such calls lets others have the thread now and then.
                            tokio::task::coop::consume_budget().await;
                            let tried = try_here(attempt, most, &context, &params, deadline);
                            if let Some(answer) = tried.transpose() {
                                return answer;
                            }
                        }
                        in_time(slots, params, context, run, most, deadline).await
                    }
                })?;
            }
        }
    }
    Ok(())
}

/// Tries a method where it is; none if it takes longer than [`TRIED_FOR`].
fn try_here<C>(
    attempt: Try<C>,
    most: usize,
    context: &Arc<C>,
    params: &Params<'_>,
    deadline: Deadline,
) -> Result<Option<Answer>, ErrorObjectOwned> {
    deadline.check()?;
    let begun = Instant::now();
    let mut go_on = || begun.elapsed() < TRIED_FOR;
    let args = Args::read(params, most, deadline);
    let answer = args.and_then(|args| attempt(context, &args, &mut go_on));
    answer.map_err(EthError::into)
}

/// Runs a method on a thread of its own, and answers without it once its time is over.
async fn in_time<C: Send + Sync + 'static>(
    slots: Arc<Semaphore>,
    params: Params<'static>,
    context: Arc<C>,
    run: Run<C>,
    most: usize,
    deadline: Deadline,
) -> RpcResult<Answer> {
    let work = async move {
        // Nobody closes it.
        let slot = slots.acquire_owned().await;
        let work = move || {
            let _slot = slot;
            // Waiting for a place may have taken all of it.
            deadline.check()?;
            perform(run, most, &context, &params, deadline)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(answer) => answer,
            Err(error) => Err(RpcError::internal("running a method", &error).into()),
        }
    };
    match tokio::time::timeout(deadline.time(), work).await {
        Ok(answer) => answer,
        Err(_) => Err(deadline.passed().into()),
    }
}

fn perform<C>(
    run: Run<C>,
    most: usize,
    context: &Arc<C>,
    params: &Params<'_>,
    deadline: Deadline,
) -> Result<Answer, ErrorObjectOwned> {
    let answer = Args::read(params, most, deadline).and_then(|args| run(context, &args));
    answer.map_err(EthError::into)
}

/// Describes the methods of a table.
pub(crate) fn describe<C>(registry: Registry, entries: Vec<Entry<C>>) -> Registry {
    let timed = "it took longer than a call may: execution aborted (timeout = 5s)";
    entries.into_iter().fold(registry, |registry, entry| {
        let bounded = entry.cost == Cost::Timed;
        let entry = if bounded { entry.fails(codes::SERVER, timed) } else { entry };
        registry.method(entry.method)
    })
}
