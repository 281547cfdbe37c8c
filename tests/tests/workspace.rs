//! The walls between the rooms, and the house rules that a tool can hold.

#![expect(clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use toml::Table;

static WORKSPACE: LazyLock<Metadata> = LazyLock::new(|| {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(vec!["--locked".to_owned(), "--offline".to_owned()])
        .exec()
        .expect("cargo tells of the workspace")
});

#[test]
fn imports_between_rooms_go_one_way() {
    let allowed = BTreeMap::from([
        ("ca-pki", vec![]),
        ("ca-keys", vec!["ca-pki"]),
        ("ca-offline-root", vec!["ca-keys", "ca-pki"]),
        ("ca-issuance", vec!["ca-keys", "ca-pki"]),
        ("ca-identity", vec!["ca-issuance", "ca-pki"]),
        ("ca-acme", vec!["ca-identity", "ca-issuance", "ca-pki"]),
        (
            "ca-validation",
            vec!["ca-acme", "ca-identity", "ca-issuance", "ca-pki"],
        ),
        ("ca-migrations", vec![]),
        (
            "ca-store",
            vec![
                "ca-acme",
                "ca-identity",
                "ca-issuance",
                "ca-migrations",
                "ca-pki",
            ],
        ),
        (
            "ca-server",
            vec![
                "ca-acme",
                "ca-identity",
                "ca-issuance",
                "ca-keys",
                "ca-migrations",
                "ca-pki",
                "ca-store",
                "ca-validation",
            ],
        ),
    ]);

    for package in rooms() {
        let imported: Vec<String> = dependencies(package)
            .into_iter()
            .filter(|name| name.starts_with("ca-"))
            .collect();

        assert_eq!(
            allowed.get(package.name.as_str()).map(Vec::as_slice),
            Some(imported.iter().map(String::as_str).collect::<Vec<_>>()).as_deref(),
            "{}",
            package.name
        );
    }
}

#[test]
fn a_dependency_is_known_to_its_room_only() {
    let knowing = [
        ("cryptoki", vec!["ca-keys"]),
        ("sea-orm", vec!["ca-store"]),
        ("sea-orm-migration", vec!["ca-migrations", "ca-store"]),
        ("sqlx", vec!["ca-store"]),
        ("sea-query-sqlx", vec!["ca-store"]),
        ("rusqlite", vec!["ca-store"]),
        ("axum", vec!["ca-server"]),
        ("tower-http", vec!["ca-server"]),
        ("utoipa", vec!["ca-server"]),
        ("askama", vec!["ca-server"]),
        ("governor", vec!["ca-identity"]),
        ("clap", vec!["ca-offline-root", "ca-server"]),
        ("hickory-resolver", vec!["ca-validation"]),
        ("reqwest", vec![]),
        ("rcgen", vec![]),
        ("openssl", vec![]),
    ];

    for (dependency, rooms_allowed) in knowing {
        let holders: Vec<&str> = rooms()
            .filter(|package| dependencies(package).contains(dependency))
            .map(|package| package.name.as_str())
            .collect();
        let strangers: Vec<&&str> = holders
            .iter()
            .filter(|room| !rooms_allowed.contains(room))
            .collect();

        assert_eq!(strangers, Vec::<&&str>::new(), "know {dependency}");
    }
}

#[test]
fn certificates_as_values_know_no_io_time_or_chance() {
    let behind = closure("ca-pki");

    for world in ["tokio", "mio", "getrandom", "rand", "hyper", "rustls"] {
        assert!(!behind.contains(world), "ca-pki reaches {world}");
    }
}

#[test]
fn the_offline_tier_knows_no_network() {
    let behind = closure("ca-offline-root");

    for network in [
        "axum",
        "hyper",
        "reqwest",
        "rustls",
        "hickory-resolver",
        "sea-orm",
        "sqlx",
    ] {
        assert!(
            !behind.contains(network),
            "ca-offline-root reaches {network}"
        );
    }
}

#[test]
fn one_cryptographic_library_is_in_the_tree() {
    // cargo metadata also lists what no feature asks for.
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--workspace",
            "--target=all",
            "--edges=all",
            "--prefix=none",
        ])
        .args(["--locked", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8_lossy(&output.stdout);
    let names: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();

    assert!(names.contains("aws-lc-rs"), "{output:?}");
    for other in ["ring", "openssl", "openssl-sys", "native-tls"] {
        assert!(!names.contains(other), "{other} is in the tree");
    }
}

#[test]
fn every_package_takes_lints_and_versions_from_the_workspace() {
    for package in WORKSPACE.workspace_packages() {
        let manifest = manifest(package);
        let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
        let own_versions: Vec<&String> = sections
            .iter()
            .filter_map(|section| manifest.get(*section)?.as_table())
            .flatten()
            .filter(|(_, wanted)| wanted.get("workspace").is_none())
            .map(|(name, _)| name)
            .collect();

        let has_own_lints = manifest["lints"].get("workspace").is_none();
        assert_eq!(has_own_lints, package.name == UNSAFE, "{}", package.name);
        assert_eq!(own_versions, Vec::<&String>::new(), "{}", package.name);
    }
}

#[test]
fn unsafe_code_is_in_the_suites_own_module_and_nowhere_else() {
    // Put together, so that this file does not find itself.
    let word = ["un", "safe "].concat();
    let forbidden = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    let forbidden: Table = forbidden.parse().expect("TOML");

    let users: BTreeSet<PathBuf> = rust_files()
        .filter(|file| {
            let text = fs::read_to_string(root().join(file)).expect("text");
            let mut code = text.lines().filter(|line| !line.trim().starts_with("//"));
            code.any(|line| {
                line.contains(&format!("{word}{{")) || line.contains(&format!("{word}fn"))
            })
        })
        .map(|file| file.iter().take(2).collect())
        .collect();
    let knowing = WORKSPACE.workspace_packages().into_iter();
    let knowing = knowing.filter(|package| dependencies(package).contains(UNSAFE));

    assert_eq!(
        forbidden["workspace"]["lints"]["rust"]["unsafe_code"].as_str(),
        Some("forbid")
    );
    assert_eq!(
        users,
        BTreeSet::from([PathBuf::from("tests/pkcs11-module")])
    );
    assert_eq!(knowing.count(), 0);
}

#[test]
fn the_top_level_is_the_first_page_of_the_documentation() {
    let expected = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "ca-offline-root",
        "ca-server",
        "conformance",
        "deploy",
        "migrations",
        "tests",
    ];

    let tops: BTreeSet<String> = files()
        .iter()
        .filter_map(|file| file.components().next()?.as_os_str().to_str())
        .filter(|name| !name.starts_with('.'))
        .map(str::to_owned)
        .collect();

    assert_eq!(
        tops.iter().map(String::as_str).collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn no_file_is_longer_than_four_hundred_lines_before_its_tests() {
    let too_long: Vec<(usize, PathBuf)> = product_files()
        .map(|(file, text)| (lines_before_tests(&text), file))
        .filter(|(lines, _)| *lines >= 400)
        .collect();

    assert_eq!(too_long, []);
}

#[test]
fn modules_are_named_for_what_they_hold() {
    let nameless = [
        "utils", "util", "helpers", "helper", "common", "misc", "manager", "mod",
    ];

    let found: Vec<PathBuf> = rust_files()
        .filter(|file| {
            let words = file.iter().filter_map(|part| part.to_str());
            let mut words = words.flat_map(|part| part.trim_end_matches(".rs").split(['_', '-']));
            words.any(|word| nameless.contains(&word))
        })
        .collect();

    assert_eq!(found, Vec::<PathBuf>::new());
}

#[test]
fn an_exception_from_a_lint_is_expected_with_its_reason() {
    // Put together, so that this file does not find itself.
    let bare = ["#[al", "#![al"].map(|start| format!("{start}low("));

    let found: Vec<PathBuf> = rust_files()
        .filter(|file| {
            let text = fs::read_to_string(root().join(file)).expect("text");
            bare.iter().any(|attribute| text.contains(attribute))
        })
        .collect();

    assert_eq!(found, Vec::<PathBuf>::new());
}

#[test]
fn links_between_documents_lead_somewhere() {
    let documents = files().into_iter();
    let documents =
        documents.filter(|file| file.extension().is_some_and(|extension| extension == "md"));
    let mut broken = Vec::new();

    for file in documents {
        let text = fs::read_to_string(root().join(&file)).expect("text");
        let folder = root().join(file.parent().expect("a file is in a folder"));
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let path = target
                .split('#')
                .next()
                .expect("the part before the anchor");
            if !folder.join(path).exists() {
                broken.push(format!("{}: {target}", file.display()));
            }
        }
    }

    assert_eq!(broken, Vec::<String>::new());
}

/// Returns the workspace's folder.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("tests/ is in the workspace")
        .to_owned()
}

/// Returns our own packages, the suites left out: tests may see everything.
fn rooms() -> impl Iterator<Item = &'static Package> {
    let packages = WORKSPACE.workspace_packages().into_iter();
    // The tests know every room, the load tool and the tests' PKCS#11 module none of them.
    let outside = ["ca-tests", "ca-fuzz", "ca-load", UNSAFE];
    packages.filter(move |package| !outside.contains(&package.name.as_str()))
}

/// The one package with lints of its own.
const UNSAFE: &str = "ca-pkcs11-module";

fn manifest(package: &Package) -> Table {
    let text = fs::read_to_string(&package.manifest_path).expect("a manifest");
    text.parse().expect("TOML")
}

/// Returns what a package needs to be built, its tests left out.
fn dependencies(package: &Package) -> BTreeSet<String> {
    let dependencies = package.dependencies.iter();
    dependencies
        .filter(|dependency| dependency.kind != DependencyKind::Development)
        .map(|dependency| dependency.name.clone())
        .collect()
}

/// Returns every package behind one, through all that it needs to be built.
fn closure(name: &str) -> BTreeSet<String> {
    let resolve = WORKSPACE.resolve.as_ref().expect("cargo resolves");
    let nodes: BTreeMap<&PackageId, _> =
        resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut waiting: Vec<&PackageId> = WORKSPACE
        .workspace_packages()
        .into_iter()
        .filter(|package| package.name.as_str() == name)
        .map(|package| &package.id)
        .collect();
    assert_eq!(waiting.len(), 1, "there is no package {name}");
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        let needed = nodes[id].deps.iter().filter(|dependency| {
            let mut kinds = dependency.dep_kinds.iter();
            kinds.any(|kind| kind.kind == DependencyKind::Normal)
        });
        for dependency in needed {
            if seen.insert(&dependency.pkg) {
                waiting.push(&dependency.pkg);
            }
        }
    }
    seen.into_iter()
        .map(|id| WORKSPACE[id].name.to_string())
        .collect()
}

/// Returns the files under version control.
fn files() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "{output:?}");
    let listed = String::from_utf8(output.stdout).expect("our names are UTF-8");
    let files = listed.split('\0').filter(|name| !name.is_empty());
    files
        .map(PathBuf::from)
        .filter(|file| root().join(file).exists())
        .collect()
}

fn rust_files() -> impl Iterator<Item = PathBuf> {
    let files = files().into_iter();
    files.filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
}

/// Returns what is no test, with its text.
fn product_files() -> impl Iterator<Item = (PathBuf, String)> {
    let is_test = |file: &Path| {
        let mut parts = file.iter().skip(1);
        parts.any(|part| part == "tests" || part == "tests.rs")
    };
    rust_files().filter(move |file| !is_test(file)).map(|file| {
        let text = fs::read_to_string(root().join(&file)).expect("text");
        (file, text)
    })
}

fn lines_before_tests(text: &str) -> usize {
    let before = text.lines().take_while(|line| *line != "#[cfg(test)]");
    before.count()
}
