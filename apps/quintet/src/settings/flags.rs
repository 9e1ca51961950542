//! A command-line flag for every key, made from the catalogue.

use clap::{Arg, ArgAction, ArgMatches, Command, error::Error};
use quintet_node::config::FlagValue;
use serde_json::Value;

use super::catalogue::{Catalogue, Key};

/// Keys that `-h` shows; `--help` shows all.
const FIRST: [&str; 6] =
    ["dht.listen", "dht.bootstrap", "dht.rpc.listen", "ops.listen", "log.level", "log.format"];

/// The values given by flags named after keys.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyFlags(Vec<FlagValue>);

impl KeyFlags {
    pub(crate) fn values(&self) -> impl Iterator<Item = FlagValue> + '_ {
        self.0.iter().cloned()
    }
}

impl clap::Args for KeyFlags {
    fn augment_args(command: Command) -> Command {
        Catalogue::get().keys().iter().fold(command, |command, key| command.arg(arg(key)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for KeyFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Vec::new();
        for key in Catalogue::get().keys() {
            let Some(values) = matches.get_many::<String>(&id(key)) else { continue };
            let values: Vec<String> = values.cloned().collect();
            let flag = format!("--{}", key.flag);
            match values.as_slice() {
                [one] => flags.push(FlagValue::new(&key.name, one, flag)),
                _ => flags.push(FlagValue::list(&key.name, values, flag)),
            }
        }
        Ok(Self(flags))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Apart from the names of other arguments.
fn id(key: &Key) -> String {
    format!("key:{}", key.name)
}

fn arg(key: &Key) -> Arg {
    let mut help = key.doc.lines().next().unwrap_or_default().to_owned();
    let mut long = key.doc.to_owned();
    let notes = notes(key);
    help.push_str(&format!(" {notes}"));
    // On a line of its own, where it is found at a glance and not wrapped.
    long.push_str(&format!("\n{notes}"));
    let repeats = matches!(key.default, Value::Array(_));
    let arg = Arg::new(id(key))
        .long(key.flag.clone())
        .visible_aliases(key.aliases.iter().copied())
        .value_name(key.value_name())
        .help(help)
        .long_help(long)
        .hide_short_help(!FIRST.contains(&key.name.as_str()))
        .help_heading(heading(&key.name))
        .action(if repeats { ArgAction::Append } else { ArgAction::Set });
    if matches!(key.default, Value::Bool(_)) {
        // `--read-only` alone means yes.
        return arg.num_args(0..=1).require_equals(true).default_missing_value("true");
    }
    arg
}

fn notes(key: &Key) -> String {
    let default = key.default_text().map(|text| format!("[default: {text}] ")).unwrap_or_default();
    format!("{default}[key: {}]", key.name)
}

/// Where the help lists the key.
fn heading(key: &str) -> &'static str {
    const HEADINGS: [(&str, &str); 6] = [
        ("dht.rpc.", "RPC"),
        ("dht.limits.", "Limits"),
        ("dht.storage.", "Storage"),
        ("dht.", "DHT"),
        ("ops.", "Metrics and health"),
        ("log.", "Logs"),
    ];
    let found = HEADINGS.iter().find(|(prefix, _)| key.starts_with(prefix));
    found.map_or("Settings", |(_, heading)| heading)
}
