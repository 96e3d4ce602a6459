//! The modules of a crate, and the module in which what a path names is declared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::Visit;
use syn::{Item, ItemMod};

use super::paths::{Import, Named, OTHER_CRATE, Paths};

/// The names that lead from the crate's root to a module; none for the root itself.
pub(super) type ModulePath = Vec<String>;

/// Through how many imports a name is followed. Two modules may import all of each other, which never ends.
const MOST_IMPORTS: usize = 8;

/// A module of a crate.
pub(super) struct Module {
    pub(super) file: PathBuf,
    /// Its items by name, other modules left out.
    declared: BTreeSet<String>,
    pub(super) paths: Paths,
}

/// All modules of a crate.
pub(super) struct Modules(pub(super) BTreeMap<ModulePath, Module>);

/// Gives the text of a file, if there is one.
type Read<'r> = &'r dyn Fn(&Path) -> Option<String>;

impl Modules {
    /// Reads a crate from its first file on.
    pub(super) fn read(first: &Path, read: Read) -> Self {
        let mut modules = Self(BTreeMap::new());
        let text = read(first).unwrap_or_else(|| panic!("{}: there is no such file", first.display()));
        modules.add_file(Vec::new(), first, folder_of(first), &text, read);
        modules
    }

    /// Adds a module that is a file. The files of the modules inside it lie in `folder`.
    fn add_file(&mut self, path: ModulePath, file: &Path, folder: &Path, text: &str, read: Read) {
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.add(path, file, folder, &parsed.items, read);
    }

    fn add(&mut self, path: ModulePath, file: &Path, folder: &Path, items: &[Item], read: Read) {
        let mut paths = Paths::default();
        items.iter().for_each(|item| paths.visit_item(item));
        let declared = items.iter().filter_map(name_of).collect();
        paths.imports.extend(items.iter().filter_map(other_crate));
        self.0.insert(path.clone(), Module { file: file.to_owned(), declared, paths });
        for item in items {
            let Item::Mod(module) = item else { continue };
            let name = module.ident.to_string();
            let child = [path.clone(), vec![name.clone()]].concat();
            if let Some((_, items)) = &module.content {
                self.add(child, file, &folder.join(name), items, read);
            } else {
                let (file, folder, text) = find(module, file, folder, read);
                self.add_file(child, &file, &folder, &text, read);
            }
        }
    }

    /// The module that declares what `path` names when it stands in the module `from`. `None`: another crate does, or
    /// nobody knows.
    pub(super) fn home(&self, from: &[String], path: &[String]) -> Option<ModulePath> {
        self.start(from, path, MOST_IMPORTS)
    }

    fn start(&self, from: &[String], path: &[String], imports: usize) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        match &**first {
            OTHER_CRATE => None,
            "crate" => self.walk(Vec::new(), rest, imports),
            "self" => self.walk(from.to_vec(), rest, imports),
            "super" => self.walk(parent(from)?.to_vec(), rest, imports),
            _ => self.enter(from, first, rest, imports)?,
        }
    }

    /// Goes on from a module by the rest of a path.
    fn walk(&self, at: ModulePath, rest: &[String], imports: usize) -> Option<ModulePath> {
        match rest.split_first() {
            None => Some(at),
            Some((name, rest)) if name == "super" => self.walk(parent(&at)?.to_vec(), rest, imports),
            // What isn't found was declared by a macro, and its module is where it was looked for.
            Some((name, rest)) => self.enter(&at, name, rest, imports).unwrap_or(Some(at)),
        }
    }

    /// Follows a name that a module has. `None`: it has none of that name. `Some(None)`: another crate declares it.
    fn enter(&self, at: &[String], name: &str, rest: &[String], imports: usize) -> Option<Option<ModulePath>> {
        let child = [at, &[name.to_owned()]].concat();
        if self.0.contains_key(&child) {
            return Some(self.walk(child, rest, imports));
        }
        let module = self.0.get(at)?;
        if module.declared.contains(name) {
            return Some(Some(at.to_vec()));
        }
        let imports = imports.checked_sub(1)?;
        if let Some(import) = module.paths.imports.iter().find(|import| import.name == name) {
            return Some(self.start(at, &[&import.from.path, rest].concat(), imports));
        }
        let globs = module.paths.imports.iter().filter(|import| import.name == "*");
        let targets = globs.filter_map(|glob| self.start(at, &glob.from.path, imports));
        targets.filter(|target| target != at).find_map(|target| self.enter(&target, name, rest, imports))
    }
}

/// The module around a module.
pub(super) fn parent(path: &[String]) -> Option<&[String]> {
    path.split_last().map(|(_, parent)| parent)
}

fn folder_of(file: &Path) -> &Path {
    file.parent().expect("a file lies in a folder")
}

/// The file of a module, the folder for the modules inside it, and its text.
fn find(module: &ItemMod, file: &Path, folder: &Path, read: Read) -> (PathBuf, PathBuf, String) {
    let name = module.ident.to_string();
    let candidates = match path_attribute(module) {
        Some(path) => {
            let file = folder_of(file).join(path);
            vec![(file.clone(), folder_of(&file).to_owned())]
        }
        None => {
            let below = folder.join(&name);
            vec![(folder.join(format!("{name}.rs")), below.clone()), (below.join("mod.rs"), below)]
        }
    };
    let found = candidates.into_iter().find_map(|(file, folder)| read(&file).map(|text| (file, folder, text)));
    found.unwrap_or_else(|| panic!("{}: there is no file for the module {name}", file.display()))
}

/// The file that `#[path = "…"]` names.
fn path_attribute(module: &ItemMod) -> Option<String> {
    let attribute = module.attrs.iter().find(|attribute| attribute.path().is_ident("path"))?;
    match &attribute.meta.require_name_value().ok()?.value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) => Some(path.value()),
        _ => None,
    }
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// `extern crate` gives a module a name for another crate.
fn other_crate(item: &Item) -> Option<Import> {
    let Item::ExternCrate(item) = item else { return None };
    let name = item.rename.as_ref().map_or(&item.ident, |(_, name)| name).to_string();
    let path = vec![OTHER_CRATE.to_owned(), item.ident.to_string()];
    Some(Import { name, from: Named { path, line: item.ident.span().start().line } })
}
