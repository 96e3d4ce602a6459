//! Modules that need each other can only be understood together. So only a module and those inside it may.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use petgraph::algo::{astar, tarjan_scc};
use petgraph::graphmap::DiGraphMap;

use super::crates;
use super::modules::{Module, ModulePath, Modules, parent};
use crate::tree::{relative, some_files};

/// A line of a module that names something of another one.
struct Need<'m> {
    from: &'m [String],
    to: ModulePath,
    file: &'m Path,
    line: usize,
}

impl fmt::Display for Need<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, line) = (relative(self.file).display(), self.line);
        write!(f, "{file}:{line}: {} needs {}", in_full(self.from), in_full(&self.to))
    }
}

fn in_full(path: &[String]) -> String {
    [&["crate".to_owned()], path].concat().join("::")
}

#[test]
fn no_modules_need_each_other_in_a_circle() {
    let crates: Vec<Modules> = first_files().iter().map(|file| Modules::read(file, &text_of)).collect();
    let circles: Vec<String> = crates.iter().flat_map(circles).collect();
    assert!(
        circles.is_empty(),
        "Modules need each other in {} circles. Move what both need into one of them or into a third module, until the \
         lines go one way:\n\n{}\n",
        circles.len(),
        circles.join("\n\n")
    );
}

#[test]
fn every_rust_file_belongs_to_a_crate() {
    let crates: Vec<Modules> = first_files().iter().map(|file| Modules::read(file, &text_of)).collect();
    let known: BTreeSet<&PathBuf> =
        crates.iter().flat_map(|modules| modules.0.values()).map(|module| &module.file).collect();
    let files: Vec<PathBuf> = crates::members().iter().flat_map(|member| some_files(member, "rs")).collect();
    let unknown: Vec<&Path> = files.iter().filter(|file| !known.contains(file)).map(|file| relative(file)).collect();
    assert!(
        unknown.is_empty(),
        "No crate has these files as a module. Declare them with `mod`, or remove them: {unknown:?}"
    );
}

fn first_files() -> BTreeSet<PathBuf> {
    crates::members().iter().flat_map(|member| crates::first_files(member)).collect()
}

fn text_of(file: &Path) -> Option<String> {
    fs::read_to_string(file).ok()
}

/// Each group of modules that all lead to each other, told by its shortest circle.
fn circles(modules: &Modules) -> Vec<String> {
    let needs: Vec<Need> = modules.0.iter().flat_map(|(path, module)| needs(modules, path, module)).collect();
    let mut graph = DiGraphMap::<&[String], &Need>::new();
    for need in &needs {
        if !graph.contains_edge(need.from, &need.to) {
            graph.add_edge(need.from, &need.to, need);
        }
    }
    let groups = tarjan_scc(&graph).into_iter().filter(|group| group.len() > 1);
    groups.map(|group| told(&shortest(&graph, &group), &group)).collect()
}

/// What a module names of other modules. The one around it and those right inside it don't count.
fn needs<'m>(modules: &Modules, from: &'m ModulePath, module: &'m Module) -> impl Iterator<Item = Need<'m>> {
    let imported = module.paths.imports.iter().map(|import| &import.from);
    let named = imported.chain(&module.paths.named);
    let needs = named.filter_map(|named| {
        let to = modules.home(from, &named.path)?;
        Some(Need { from, to, file: &module.file, line: named.line })
    });
    needs.filter(|need| need.to != need.from && !are_parent_and_child(need.from, &need.to))
}

fn are_parent_and_child(one: &[String], other: &[String]) -> bool {
    parent(one) == Some(other) || parent(other) == Some(one)
}

/// The shortest circle in a group, line by line.
fn shortest<'m>(graph: &DiGraphMap<&'m [String], &'m Need<'m>>, group: &[&'m [String]]) -> Vec<&'m Need<'m>> {
    let edges = graph.all_edges().filter(|(from, to, _)| group.contains(from) && group.contains(to));
    let circles = edges.filter_map(|(from, to, _)| astar(graph, to, |at| at == from, |_| 1, |_| 0).map(|(_, way)| way));
    let way = circles.min_by_key(Vec::len).expect("each module of the group leads to each other");
    let next = way.iter().cycle().skip(1);
    way.iter().zip(next).map(|(from, to)| *graph.edge_weight(from, to).expect("the way has edges")).collect()
}

/// The lines of a circle, then the other modules of its group.
fn told(circle: &[&Need], group: &[&[String]]) -> String {
    let mut lines: Vec<String> = circle.iter().map(|need| need.to_string()).collect();
    let others = group.iter().filter(|module| circle.iter().all(|need| need.from != **module));
    let mut others: Vec<String> = others.map(|module| in_full(module)).collect();
    if !others.is_empty() {
        others.sort();
        lines.push(format!("Bound to them by longer circles: {}", others.join(", ")));
    }
    lines.join("\n")
}

/// The circles in a crate of these files, `lib.rs` the first of them.
fn circles_in(files: &[(&str, &str)]) -> Vec<String> {
    let read = |path: &Path| files.iter().find(|(file, _)| Path::new(file) == path).map(|(_, text)| (*text).to_owned());
    circles(&Modules::read(Path::new("src/lib.rs"), &read))
}

#[test]
fn a_circle_is_found_however_its_lines_name_the_other_module() {
    let b_needs_a = "b.rs:1: crate::b needs crate::a";
    for (root, a, b) in [
        ("", "use crate::b::B;", "use super::a::A;"),
        ("", "use crate::{b::{B as C}};", "fn f() { use crate::a::*; }"),
        ("", "fn f() -> crate::b::B {}", "impl super::a::A for B {}"),
        ("", "use super::b; fn f() { b::g() }", "type T = Vec<crate::a::A>;"),
        ("", "fn f() { println!(\"{}\", crate::b::B) }", "m! { x => { $crate::a::f(super::super::a) } }"),
        ("", "#[serde(default(crate::b::g))] struct A;", "#[derive(crate::a::A)] struct B;"),
        ("pub use b::B;", "use crate::B;", "fn g() { crate::a::f() }"),
        ("mod c { pub(crate) use crate::b::B; } use c::*;", "fn f() { crate::B::new() }", "use crate::{a};"),
        ("use b::*;", "use super::*; fn f(b: B) {}", "struct B; const C: u8 = crate::a::D;"),
        ("use b::*;", "use super::*; fn f() { g() }", "fn g() { assert_eq!(1, crate::a::C) }"),
        ("use b::*;", "use super::*; fn f() { vec![g()] }", "fn g() { let crate::a::A = a; }"),
    ] {
        let root = format!("mod a; mod b; {root}");
        let circles = circles_in(&[("src/lib.rs", &root), ("src/a.rs", a), ("src/b.rs", b)]);
        assert_eq!(circles.len(), 1, "{root} {a} {b}");
        let circle = circles[0].replace("src/", "");
        assert!(circle.contains("a.rs:1: crate::a needs crate::b") && circle.contains(b_needs_a), "{circle}");
    }
}

#[test]
fn what_goes_one_way_and_what_only_looks_like_a_path_is_no_circle() {
    for (root, a, b) in [
        ("", "use crate::b::B;", "struct B;"),
        ("pub use a::A; pub use b::B; struct C;", "use crate::{B, C};", "use super::C;"),
        ("use a::A; fn f(a: A) {}", "use crate::f; struct A;", ""),
        ("pub use b::B;", "use crate::B;", "struct B; use serde::a::A;"),
        ("", "use crate::b::B;", "mod c { pub use crate::a::A; } use ::c::A;"),
        ("", "use crate::b::B;", "mod c { pub use crate::a::A; } fn f() { ::c::A; m!(::c::A, X::<u8>::c::A) }"),
        ("extern crate other; use b::c::C;", "", "mod c { use crate::other::A; }"),
        ("", "mod c { use crate::b::B; } use c::C;", "use crate::a::A;"),
        ("", "mod c { use super::A; } use crate::b::B;", "use crate::a::c::C;"),
        ("", "mod b { use super::f; } fn f() { b::g() }", "fn g() { crate::a::f() }"),
        ("", "use crate::b;", "/// [`crate::a::A`]\npub(in crate::a) fn f() { \"crate::a::A\"; a::b(); }"),
        ("use a::*;", "use crate::b::B; fn g() {}", "use super::*; fn f(x: X) { x.g(); m!(x.g(), $g(), T::g()) }"),
    ] {
        let root = format!("mod a; mod b; {root}");
        let circles = circles_in(&[("src/lib.rs", &root), ("src/a.rs", a), ("src/b.rs", b)]);
        assert_eq!(circles, [""; 0], "{root} {a} {b}");
    }
}

#[test]
fn the_lines_of_a_circle_are_named_wherever_its_modules_lie() {
    let files = [
        ("src/lib.rs", "mod a;\nmod b;\n#[path = \"other/d.rs\"]\nmod c;"),
        ("src/a/mod.rs", "mod inner;"),
        ("src/a/inner.rs", "use crate::{b::{self}};\nuse b::inner::B;"),
        ("src/b.rs", "mod inner;"),
        ("src/b/inner.rs", "\n\nmod tests {\n use crate::a::inner::A;\n}\nfn f() {\n super::super::c::C\n}"),
        ("src/other/d.rs", "use crate::a::{self as d};\nuse d::inner::A;"),
    ];
    let circle = [
        "src/a/inner.rs:2: crate::a::inner needs crate::b::inner",
        "src/b/inner.rs:7: crate::b::inner needs crate::c",
        "src/other/d.rs:2: crate::c needs crate::a::inner",
    ];
    let circles = circles_in(&files);
    let [found] = &circles[..] else { panic!("{circles:#?}") };
    let mut found: Vec<&str> = found.lines().collect();
    found.sort_unstable();
    assert_eq!(found, circle);
}

#[test]
fn each_group_is_told_by_its_shortest_circle_and_the_rest_of_it() {
    let circles = circles_in(&[
        ("src/lib.rs", "mod a; mod b; mod c; mod d; mod e; mod f;"),
        ("src/a.rs", "use crate::b;"),
        ("src/b.rs", "use crate::{a, c};"),
        ("src/c.rs", "use crate::d;"),
        ("src/d.rs", "use crate::{a, e};"),
        ("src/e.rs", "use crate::f;"),
        ("src/f.rs", "use crate::e;"),
    ]);
    let [one, other] = &circles[..] else { panic!("{circles:#?}") };
    assert!(one.starts_with("src/f.rs:1: crate::f needs crate::e\n"), "{one}");
    assert!(other.ends_with("\nBound to them by longer circles: crate::c, crate::d"), "{other}");
}
