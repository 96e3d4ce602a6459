//! A name says one thing, and an argument says what it is.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{
    Attribute, ImplItemFn, ItemEnum, ItemFn, ItemMacro, ItemMod, ItemStruct, ItemTrait, ItemType, ItemUnion, Path,
    Signature, TraitItem, Type, Visibility,
};

use super::paths::is_capitalised;
use crate::tree::{self, relative};

/// What ships.
const FOLDERS: [&str; 4] = ["components", "crates/order/src", "crates/queue/src", "crates/guest/src"];

/// A name, and the line that declares it.
type Found = (String, usize);

#[test]
fn no_type_name_stands_for_two_things() {
    let mut places = BTreeMap::<String, Vec<String>>::new();
    for (name, place) in found_in_what_ships(type_names) {
        places.entry(name).or_default().push(place);
    }
    places.retain(|_, places| places.len() > 1);
    let told: Vec<String> = places.iter().map(|(name, places)| format!("{name}: {}", places.join(", "))).collect();
    assert!(
        told.is_empty(),
        "{} type names stand for two things. Rename all but one of each, by the word that tells them apart:\n{}\n",
        told.len(),
        told.join("\n")
    );
}

#[test]
fn no_public_function_takes_a_bool() {
    let told = found_in_what_ships(bool_parameters).into_iter().map(|(name, place)| format!("{place}: {name}"));
    let told: Vec<String> = told.collect();
    assert!(
        told.is_empty(),
        "{} public functions take a bool, which says nothing where they are called. Take an enum with a name for each \
         case, or make two functions of one:\n{}\n",
        told.len(),
        told.join("\n")
    );
}

/// What `find` finds, with its file and line.
fn found_in_what_ships(find: impl Fn(&str) -> Vec<Found>) -> Vec<(String, String)> {
    let files = FOLDERS.iter().flat_map(|folder| tree::some_files(folder, "rs"));
    let found = files.flat_map(|file| {
        let found = find(&tree::text(&file)).into_iter();
        found.map(move |(name, line)| (name, format!("{}:{line}", relative(&file).display()))).collect::<Vec<_>>()
    });
    found.collect()
}

/// The structs, enums, unions, types and traits that a text declares outside its tests.
fn type_names(text: &str) -> Vec<Found> {
    let mut names = TypeNames::default();
    names.visit_file(&syn::parse_file(text).expect("it compiles"));
    names.0
}

#[derive(Default)]
struct TypeNames(Vec<Found>);

impl TypeNames {
    fn add(&mut self, name: &Ident) {
        self.0.push((name.to_string(), name.span().start().line));
    }
}

impl Visit<'_> for TypeNames {
    fn visit_item_mod(&mut self, item: &ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_struct(&mut self, item: &ItemStruct) {
        self.add(&item.ident);
    }

    fn visit_item_enum(&mut self, item: &ItemEnum) {
        self.add(&item.ident);
    }

    fn visit_item_union(&mut self, item: &ItemUnion) {
        self.add(&item.ident);
    }

    fn visit_item_type(&mut self, item: &ItemType) {
        self.add(&item.ident);
    }

    fn visit_item_trait(&mut self, item: &ItemTrait) {
        self.add(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_macro(&mut self, item: &ItemMacro) {
        described_name(item.mac.tokens.clone()).iter().for_each(|name| self.add(name));
    }
}

/// The type that a macro declares: the capitalised name behind its doc comment, as in `text_type!(/** … */ Note, …)`.
fn described_name(tokens: TokenStream) -> Option<Ident> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    tokens.windows(3).find_map(|window| match window {
        [TokenTree::Punct(hash), TokenTree::Group(_), TokenTree::Ident(name)] if hash.as_char() == '#' => {
            is_capitalised(&name.to_string()).then(|| name.clone())
        }
        _ => None,
    })
}

/// The functions of a text that other modules can call and that take a `bool`, outside its tests.
fn bool_parameters(text: &str) -> Vec<Found> {
    let mut found = BoolParameters::default();
    found.visit_file(&syn::parse_file(text).expect("it compiles"));
    found.0
}

#[derive(Default)]
struct BoolParameters(Vec<Found>);

impl BoolParameters {
    fn check(&mut self, visibility: &Visibility, function: &Signature) {
        let is_public = !matches!(visibility, Visibility::Inherited);
        let takes_a_bool = function.inputs.iter().any(|input| match input {
            syn::FnArg::Typed(argument) => is_bool(&argument.ty),
            syn::FnArg::Receiver(_) => false,
        });
        if is_public && takes_a_bool {
            self.0.push((function.ident.to_string(), function.ident.span().start().line));
        }
    }
}

impl Visit<'_> for BoolParameters {
    fn visit_item_mod(&mut self, item: &ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &ItemFn) {
        self.check(&item.vis, &item.sig);
    }

    fn visit_impl_item_fn(&mut self, item: &ImplItemFn) {
        self.check(&item.vis, &item.sig);
    }

    fn visit_item_trait(&mut self, item: &ItemTrait) {
        for function in &item.items {
            if let TraitItem::Fn(function) = function {
                self.check(&item.vis, &function.sig);
            }
        }
    }
}

fn is_bool(of: &Type) -> bool {
    match of {
        Type::Path(path) => path.path.is_ident("bool"),
        Type::Reference(reference) => is_bool(&reference.elem),
        _ => false,
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    let mut conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    conditions.any(|condition| condition.parse_args::<Path>().is_ok_and(|path| path.is_ident("test")))
}

#[test]
fn each_declaration_of_a_type_is_seen_and_none_of_a_test() {
    let text = "
        struct A; pub enum B {} type C = A; trait D { type X; } union E { x: u8 }
        mod inner { struct F(A); impl D for F { type X = A; } fn f() { struct G; } }
        code_type!(/// The code.
            H, 3, check);
        other!(/** A table. */ table, I); macro_rules! make { () => { struct J; } }
        #[cfg(test)] mod tests { struct K; }
        #[cfg(feature = \"native\")] mod native { struct L; }";
    let names: Vec<Found> = type_names(text);
    let letters: String = names.iter().map(|(name, _)| &**name).collect();
    assert_eq!(letters, "ABCDEFGHL");
    assert_eq!(names[7], ("H".to_owned(), 5));
}

#[test]
fn each_public_function_that_takes_a_bool_is_seen() {
    for bad in [
        "pub fn f(x: bool) {}",
        "pub(crate) async fn f(y: u8, x: &bool) {}",
        "impl A { pub(super) fn f(self, x: bool) {} }",
        "pub trait T { fn f(&self, x: bool); }",
        "mod inner { pub const fn f(x: bool) {} }",
    ] {
        assert_eq!(bool_parameters(bad), [("f".to_owned(), 1)], "{bad}");
    }
    for good in [
        "fn f(x: bool) {}",
        "pub fn f(x: impl Fn(bool)) -> bool {}",
        "impl A { fn f(self, x: bool) {} }",
        "impl T for A { fn f(&self, x: bool) {} }",
        "trait T { fn f(&self, x: bool); }",
        "#[cfg(test)] mod tests { pub fn f(x: bool) {} }",
    ] {
        assert_eq!(bool_parameters(good), [], "{good}");
    }
}
