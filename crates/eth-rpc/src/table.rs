//! One table of methods: what each is called, what it takes, how it is run, and what the document says of it.

use std::sync::Arc;

use quintet_rpc::{
    ErrorObjectOwned, Method, Params, Registry, RpcError, RpcModule, RpcResult, StartError,
};

use crate::{
    answer::Answer,
    args::Args,
    error::{EthError, EthResult},
};

/// Runs a method.
pub(crate) type Run<C> = fn(&C, &Args) -> EthResult<Answer>;

/// What running a method costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// Microseconds: it runs where it is.
    Light,
    /// More, or nobody knows: it runs on a thread for such work.
    Heavy,
}

/// A method.
pub(crate) struct Entry<C: 'static> {
    name: &'static str,
    /// Most parameters.
    most: usize,
    cost: Cost,
    run: Run<C>,
    method: Method,
}

impl<C> Entry<C> {
    pub(crate) fn light(name: &'static str, summary: &'static str, run: Run<C>) -> Self {
        Self { name, most: 0, cost: Cost::Light, run, method: Method::new(name, summary) }
    }

    pub(crate) fn heavy(name: &'static str, summary: &'static str, run: Run<C>) -> Self {
        Self { cost: Cost::Heavy, ..Self::light(name, summary, run) }
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

    pub(crate) fn gives<T: schemars::JsonSchema>(
        self,
        name: &'static str,
        summary: &'static str,
    ) -> Self {
        Self { method: self.method.result::<T>(name, summary), ..self }
    }
}

/// Registers the methods of a table.
pub(crate) fn register<C: Send + Sync + 'static>(
    module: &mut RpcModule<Arc<C>>,
    entries: Vec<Entry<C>>,
) -> Result<(), StartError> {
    for Entry { name, most, cost, run, .. } in entries {
        match cost {
            Cost::Light => {
                module.register_method(name, move |params, context, _| {
                    RpcResult::<Answer>::from(perform(run, most, context, &params))
                })?;
            }
            Cost::Heavy => {
                module.register_async_method(name, move |params, context, _| async move {
                    let params: Params<'static> = params;
                    let work = move || perform(run, most, &context, &params);
                    match tokio::task::spawn_blocking(work).await {
                        Ok(answer) => answer,
                        Err(error) => Err(RpcError::internal("running a method", &error).into()),
                    }
                })?;
            }
        }
    }
    Ok(())
}

fn perform<C>(
    run: Run<C>,
    most: usize,
    context: &Arc<C>,
    params: &Params<'_>,
) -> Result<Answer, ErrorObjectOwned> {
    let answer = Args::read(params, most).and_then(|args| run(context, &args));
    answer.map_err(EthError::into)
}

/// Describes the methods of a table.
pub(crate) fn describe<C>(registry: Registry, entries: Vec<Entry<C>>) -> Registry {
    entries.into_iter().fold(registry, |registry, entry| registry.method(entry.method))
}
