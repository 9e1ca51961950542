//! `quintet config`.

use quintet_node::config::{ConfigError, Issue, Problem};
use serde_json::{Value, json};

use crate::{
    cli::{ConfigCommand, SourceArgs},
    exit::AlreadyTold,
    output::{self, Table},
    settings::{self, Catalogue},
};

pub(super) fn run(command: ConfigCommand) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Show { origin, json, sources } => show(origin, json, &sources),
        ConfigCommand::Check { json, sources } => check(json, &sources),
        ConfigCommand::Init => output::print(&Catalogue::get().schema().render_default_file()),
        ConfigCommand::Keys { json } => keys(json),
    }
}

fn show(origin: bool, json: bool, args: &SourceArgs) -> anyhow::Result<()> {
    let (config, _) = settings::load(&args.config, args.flags.values())?;
    if json {
        return output::json_pretty(&config.render_json(origin));
    }
    output::print(&config.render_toml(origin))
}

fn check(json: bool, args: &SourceArgs) -> anyhow::Result<()> {
    let outcome = settings::load(&args.config, args.flags.values());
    if !json {
        let (_, sources) = outcome?;
        let read = sources.file().filter(|file| file.path.exists());
        let place = read.map_or("no file".to_owned(), |file| file.path.display().to_string());
        return output::line(format!("the configuration is valid ({place}, environment, flags)"));
    }
    let errors: Vec<Value> = match &outcome {
        Ok(_) => Vec::new(),
        Err(error) => match error.downcast_ref::<ConfigError>() {
            Some(error) => error.issues().iter().map(issue).collect(),
            None => return outcome.map(drop),
        },
    };
    output::json_pretty(&json!({ "valid": errors.is_empty(), "errors": errors }))?;
    if errors.is_empty() { Ok(()) } else { Err(AlreadyTold { usage: true }.into()) }
}

fn issue(issue: &Issue) -> Value {
    let (value, reason) = match &issue.problem {
        Problem::Value { value, reason } => (value.clone(), reason.clone()),
        Problem::Source { reason } => (None, reason.clone()),
        Problem::UnknownKey { suggestion } => {
            let hint = suggestion.as_ref().map(|known| format!("; did you mean {known}?"));
            (None, format!("unknown key{}", hint.unwrap_or_default()))
        }
    };
    json!({
        "key": issue.key,
        "value": value,
        "reason": reason,
        "origin": issue.origin,
        "place": issue.origin.to_string(),
        "message": issue.to_string(),
    })
}

fn keys(json: bool) -> anyhow::Result<()> {
    let keys = Catalogue::get().keys();
    if json {
        let entry = |key: &settings::Key| {
            json!({
                "key": key.name,
                "flag": format!("--{}", key.flag),
                "env": key.env,
                "default": key.default,
                "reloadable": key.reloadable,
                "doc": key.doc,
            })
        };
        return output::json_pretty(&keys.iter().map(entry).collect::<Vec<_>>());
    }
    let mut table = Table::new(["KEY", "FLAG", "ENVIRONMENT", "DEFAULT", ""]);
    for key in keys {
        let reloads = if key.reloadable { "(reloads)" } else { "" };
        table.row([
            key.name.clone(),
            format!("--{}", key.flag),
            key.env.clone(),
            key.default_text().unwrap_or_else(|| "-".to_owned()),
            reloads.to_owned(),
        ]);
    }
    output::print(&table.render())
}
