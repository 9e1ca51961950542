//! The crates of this workspace and what each of them uses, from `cargo metadata`.
//!
//! Only manifests are read (`--no-deps`), so no check needs a network or a lock file. The fuzz
//! targets are a workspace of their own, because they build with another toolchain; their crate is
//! read too, since its arrows are arrows of this house.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// The file that marks the root of the checkout.
pub(crate) const LAYERS_FILE: &str = "layers.toml";

/// Folders that hold a workspace of their own.
const SIDE_WORKSPACES: [&str; 4] = [
    "fuzz",
    "testing/differential/bitcoin",
    "testing/differential/kaspa",
    "testing/differential/rollup",
];

/// What package names of libraries begin with; `layers.toml` and the documents leave it out.
const PACKAGE_PREFIX: &str = "quintet-";

/// Every crate of the checkout, by its short name.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) crates: BTreeMap<String, Crate>,
}

/// One crate and its direct dependencies.
#[derive(Debug)]
pub(crate) struct Crate {
    /// The name in the manifest, such as `quintet-net`.
    pub(crate) package: String,
    /// The manifest relative to the root, such as `crates/net/Cargo.toml`.
    pub(crate) manifest: String,
    pub(crate) description: Option<String>,
    pub(crate) uses: Vec<Use>,
}

/// One direct dependency.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    pub(crate) target: Target,
    /// A dependency of tests, examples and benchmarks only.
    pub(crate) dev: bool,
}

/// What a dependency points at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// A crate of this workspace, by its short name.
    Member(String),
    /// Anything else, by its package name.
    External(String),
}

impl Workspace {
    /// Reads the manifests below `root`.
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let root =
            root.canonicalize().with_context(|| format!("{} is no folder", root.display()))?;
        let mut packages = packages(&root)?;
        for side in SIDE_WORKSPACES {
            let folder = root.join(side);
            if folder.join("Cargo.toml").is_file() {
                packages.extend(self::packages(&folder)?);
            }
        }
        let members: BTreeSet<String> = packages.iter().map(|p| p.name.to_string()).collect();
        let mut crates = BTreeMap::new();
        for package in packages {
            let (name, described) = describe(&root, &members, package)?;
            crates.insert(name, described);
        }
        Ok(Self { root, crates })
    }
}

/// The nearest folder at or above `start` that holds `layers.toml`.
pub(crate) fn find_root(start: &Path) -> Result<PathBuf> {
    let Some(root) = start.ancestors().find(|folder| folder.join(LAYERS_FILE).is_file()) else {
        bail!("no {LAYERS_FILE} at or above {}: run this inside the checkout", start.display());
    };
    Ok(root.to_owned())
}

/// `quintet-net` is `net`; the application, the tools and the tests keep their names.
pub(crate) fn short_name(package: &str) -> &str {
    package.strip_prefix(PACKAGE_PREFIX).unwrap_or(package)
}

fn packages(folder: &Path) -> Result<Vec<Package>> {
    let metadata: Metadata = MetadataCommand::new()
        .manifest_path(folder.join("Cargo.toml"))
        .no_deps()
        .exec()
        .with_context(|| format!("the manifests below {} cannot be read", folder.display()))?;
    Ok(metadata.packages)
}

fn describe(root: &Path, members: &BTreeSet<String>, package: Package) -> Result<(String, Crate)> {
    let manifest = package.manifest_path.as_std_path();
    let manifest = manifest
        .strip_prefix(root)
        .with_context(|| format!("{} lies outside {}", package.manifest_path, root.display()))?;
    let mut uses: Vec<Use> = package
        .dependencies
        .iter()
        .map(|dependency| Use {
            target: if dependency.path.is_some() && members.contains(&dependency.name) {
                Target::Member(short_name(&dependency.name).to_owned())
            } else {
                Target::External(dependency.name.clone())
            },
            dev: dependency.kind == DependencyKind::Development,
        })
        .collect();
    uses.sort();
    uses.dedup();
    let described = Crate {
        manifest: manifest.to_string_lossy().replace('\\', "/"),
        package: package.name.to_string(),
        description: package.description,
        uses,
    };
    Ok((short_name(&described.package).to_owned(), described))
}

/// Workspaces in temporary folders, for the tests of every check.
#[cfg(test)]
pub(crate) mod fixture {
    use super::*;
    use tempfile::TempDir;

    /// A workspace under construction; removed from disk when dropped.
    #[derive(Debug)]
    pub(crate) struct Fixture {
        folder: TempDir,
        members: Vec<String>,
    }

    impl Fixture {
        pub(crate) fn new() -> Self {
            let fixture =
                Self { folder: tempfile::tempdir().expect("a temporary folder"), members: vec![] };
            fixture.manifest()
        }

        pub(crate) fn root(&self) -> &Path {
            self.folder.path()
        }

        /// Adds a file.
        pub(crate) fn file(self, path: &str, text: &str) -> Self {
            let path = self.root().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, text).expect("a file");
            self
        }

        /// Adds `crates/<name>`, package `quintet-<name>`; `tables` is the rest of its manifest.
        pub(crate) fn member(mut self, name: &str, tables: &str) -> Self {
            self.members.push(format!("crates/{name}"));
            let manifest = format!(
                "[package]\nname = \"quintet-{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                 description = \"About {name}.\"\n\n{tables}"
            );
            self.file(&format!("crates/{name}/Cargo.toml"), &manifest)
                .file(&format!("crates/{name}/src/lib.rs"), "//! A crate.\n")
                .manifest()
        }

        pub(crate) fn load(&self) -> Workspace {
            Workspace::load(self.root()).expect("a readable workspace")
        }

        fn manifest(self) -> Self {
            let members = format!("[workspace]\nresolver = \"3\"\nmembers = {:?}\n", self.members);
            self.file("Cargo.toml", &members)
        }
    }

    /// A dependency on another member, for the `tables` of a member.
    pub(crate) fn on(name: &str) -> String {
        format!("quintet-{name} = {{ path = \"../{name}\" }}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::{Fixture, on};
    use super::*;

    #[test]
    fn members_are_told_from_published_crates_and_dev_dependencies_from_others() {
        let tables =
            format!("[dependencies]\n{}tokio = \"1\"\n[dev-dependencies]\nb = \"1\"\n", on("a"));
        let workspace = Fixture::new().member("a", "").member("c", &tables).load();
        let uses = &workspace.crates["c"].uses;
        assert_eq!(
            uses,
            &[
                Use { target: Target::Member("a".into()), dev: false },
                Use { target: Target::External("b".into()), dev: true },
                Use { target: Target::External("tokio".into()), dev: false },
            ]
        );
        assert_eq!(workspace.crates["c"].manifest, "crates/c/Cargo.toml");
    }

    #[test]
    fn the_fuzz_workspace_belongs_to_the_house() {
        let manifest = format!(
            "[package]\nname = \"quintet-fuzz\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
             [dependencies]\n{}",
            on("a").replace("../", "../crates/")
        );
        let fixture = Fixture::new()
            .member("a", "")
            .file("fuzz/Cargo.toml", &manifest)
            .file("fuzz/src/lib.rs", "//! Targets.\n");
        let workspace = fixture.load();
        assert_eq!(workspace.crates["fuzz"].uses[0].target, Target::Member("a".into()));
    }

    #[test]
    fn the_root_is_found_from_a_folder_inside_and_missed_outside() {
        let fixture = Fixture::new().file(LAYERS_FILE, "").file("crates/a/src/lib.rs", "");
        let inside = fixture.root().join("crates/a/src");
        assert_eq!(find_root(&inside).expect("a root"), fixture.root());
        let outside = tempfile::tempdir().expect("a temporary folder");
        let error = find_root(outside.path()).expect_err("no root").to_string();
        assert!(error.contains("run this inside the checkout"), "{error}");
    }
}
