//! Health: what each component says of itself.

use core::fmt;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

/// What a component says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ComponentState {
    /// It does its work.
    Ready,
    /// It does not yet, or not just now.
    NotReady {
        /// Why.
        reason: String,
    },
    /// It will not again in this process: restart it.
    Failed {
        /// Why.
        reason: String,
    },
}

/// A component and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComponentStatus {
    /// `instance/component`, or the component alone.
    pub name: String,
    /// What it says of itself.
    #[serde(flatten)]
    pub state: ComponentState,
}

/// The registry of components. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Health {
    prefix: String,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    components: BTreeMap<String, ComponentState>,
    draining: bool,
}

impl Health {
    /// No components: not ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same registry, where new components are named `instance/…`.
    #[must_use]
    pub fn scoped(&self, instance: &str) -> Self {
        let prefix = format!("{}{instance}/", self.prefix);
        Self { prefix, shared: Arc::clone(&self.shared) }
    }

    /// Registers a component, not ready because it is `starting`. A component of the same name is
    /// replaced.
    pub fn component(&self, name: &str) -> Component {
        let name = format!("{}{name}", self.prefix);
        let component = Component { name, shared: Arc::clone(&self.shared) };
        component.not_ready("starting");
        component
    }

    /// From now on nothing is ready: the node is about to stop and wants no new work.
    pub fn drain(&self) {
        lock(&self.shared).draining = true;
    }

    /// Whether every component is ready, there is one, and the node does not stop.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let shared = lock(&self.shared);
        let mut states = shared.components.values();
        !shared.draining
            && !shared.components.is_empty()
            && states.all(|state| *state == ComponentState::Ready)
    }

    /// Whether a component failed for good.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        let shared = lock(&self.shared);
        shared.components.values().any(|state| matches!(state, ComponentState::Failed { .. }))
    }

    /// Whether [`Self::drain`] was called.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        lock(&self.shared).draining
    }

    /// Every component, by name.
    #[must_use]
    pub fn components(&self) -> Vec<ComponentStatus> {
        let shared = lock(&self.shared);
        let status = |(name, state): (&String, &ComponentState)| ComponentStatus {
            name: name.clone(),
            state: state.clone(),
        };
        shared.components.iter().map(status).collect()
    }
}

/// A component's own handle. Dropped, it is not ready because it `stopped`, unless it failed.
#[must_use = "dropping it says that the component stopped"]
pub struct Component {
    name: String,
    shared: Arc<Mutex<Shared>>,
}

impl Component {
    /// It does its work.
    pub fn ready(&self) {
        self.set(ComponentState::Ready);
    }

    /// It does not yet, or not just now.
    pub fn not_ready(&self, reason: impl Into<String>) {
        self.set(ComponentState::NotReady { reason: reason.into() });
    }

    /// It will not again in this process.
    pub fn failed(&self, reason: impl Into<String>) {
        self.set(ComponentState::Failed { reason: reason.into() });
    }

    fn set(&self, state: ComponentState) {
        lock(&self.shared).components.insert(self.name.clone(), state);
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        let mut shared = lock(&self.shared);
        if let Some(state) = shared.components.get_mut(&self.name)
            && !matches!(state, ComponentState::Failed { .. })
        {
            *state = ComponentState::NotReady { reason: "stopped".to_owned() };
        }
    }
}

/// The map is whole between two statements, so a panic elsewhere does not spoil it.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_ready_when_every_component_is_and_there_is_one() {
        let health = Health::new();
        assert!(!health.is_ready());
        let (a, b) = (health.component("a"), health.scoped("dht-1").component("b"));
        a.ready();
        assert!(!health.is_ready());
        b.ready();
        assert!(health.is_ready());
        let names: Vec<_> = health.components().into_iter().map(|c| c.name).collect();
        assert_eq!(names, ["a", "dht-1/b"]);
    }

    #[test]
    fn a_dropped_component_is_not_ready() {
        let health = Health::new();
        let component = health.component("a");
        component.ready();
        drop(component);
        assert!(!health.is_ready() && !health.has_failed());
    }

    #[test]
    fn a_failure_outlives_its_component() {
        let health = Health::new();
        health.component("disk").failed("no space");
        assert!(health.has_failed());
    }

    #[test]
    fn a_draining_node_is_not_ready() {
        let health = Health::new();
        let component = health.component("a");
        component.ready();
        health.drain();
        assert!(!health.is_ready() && health.is_draining());
    }
}
