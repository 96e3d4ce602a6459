//! The paths that a piece of code names: in its `use` lines, in its expressions and types, and in its macros.

use proc_macro2::{Delimiter, Ident, Spacing, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprCall, ItemMod, ItemUse, Macro, UseTree, Visibility};

/// Stands in a path before the name of another crate, as nothing does in `::std`.
pub(super) const OTHER_CRATE: &str = "";

/// A path, and the line that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

/// One name that a `use` brings in; `*` for all that the path has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) name: String,
    pub(super) from: Named,
}

/// What an item names, its modules left out.
#[derive(Debug, Default)]
pub(super) struct Paths {
    pub(super) imports: Vec<Import>,
    pub(super) named: Vec<Named>,
}

impl Visit<'_> for Paths {
    /// A module inside is another module.
    fn visit_item_mod(&mut self, _: &ItemMod) {}

    /// `pub(crate)` needs nothing of the crate.
    fn visit_visibility(&mut self, _: &Visibility) {}

    fn visit_item_use(&mut self, item: &ItemUse) {
        let leading = item.leading_colon.as_ref().map(|_| OTHER_CRATE.to_owned());
        self.import(leading.into_iter().collect(), &item.tree);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let leading = path.leading_colon.as_ref().map(|_| OTHER_CRATE.to_owned());
        let names = path.segments.iter().map(|segment| segment.ident.to_string());
        let names: Vec<String> = leading.into_iter().chain(names).collect();
        // A lone name in small letters is mostly a variable. A function is seen where it is called.
        if names.len() > 1 || is_capitalised(&names[0]) {
            self.named.push(Named { path: names, line: path.segments[0].ident.span().start().line });
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_call(&mut self, call: &ExprCall) {
        if let Expr::Path(called) = &*call.func
            && let Some(name) = called.path.get_ident()
        {
            self.named.push(Named { path: vec![name.to_string()], line: name.span().start().line });
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_macro(&mut self, called: &Macro) {
        self.visit_path(&called.path);
        self.tokens(called.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &Attribute) {
        if let Ok(list) = attribute.meta.require_list() {
            self.tokens(list.tokens.clone());
        }
    }
}

impl Paths {
    /// Reads a `use`, whose part before `tree` is `path`.
    fn import(&mut self, mut path: Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                self.import(path, &tree.tree);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(path.clone(), tree)),
            UseTree::Name(tree) => self.bring_in(path, &tree.ident, &tree.ident),
            UseTree::Rename(tree) => self.bring_in(path, &tree.ident, &tree.rename),
            UseTree::Glob(tree) => {
                let line = tree.star_token.spans[0].start().line;
                self.imports.push(Import { name: "*".to_owned(), from: Named { path, line } });
            }
        }
    }

    fn bring_in(&mut self, mut path: Vec<String>, last: &Ident, name: &Ident) {
        // `a::{self}` is `a`.
        if last != "self" {
            path.push(last.to_string());
        }
        let name = if name == "self" { path.last().cloned().unwrap_or_default() } else { name.to_string() };
        self.imports.push(Import { name, from: Named { path, line: last.span().start().line } });
    }

    /// Finds what looks like a path in a macro's tokens. Only the macro knows what they mean.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(_) => {
                    let names = names_at(&tokens[at..]);
                    let end = at + 3 * (names.len() - 1);
                    if is_a_path(&tokens, at, end, &names) {
                        self.named.push(Named { path: names, line: tokens[at].span().start().line });
                    }
                    at = end;
                }
                _ => {}
            }
            at += 1;
        }
    }
}

/// The names of the path with which the tokens begin: `a`, `::`, `b`, …
fn names_at(tokens: &[TokenTree]) -> Vec<String> {
    let mut names = vec![tokens[0].to_string()];
    let mut rest = &tokens[1..];
    while let [first, second, TokenTree::Ident(name), ..] = rest
        && is_double_colon(first, second)
    {
        names.push(name.to_string());
        rest = &rest[3..];
    }
    names
}

/// Whether the names from `at` to `end` are a whole path, and may be that of a module's item.
fn is_a_path(tokens: &[TokenTree], at: usize, end: usize, names: &[String]) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|before| &tokens[before]);
    let follows = |mark: char| before(1).is_some_and(|token| is_mark(token, mark));
    let goes_on = before(2).zip(before(1)).is_some_and(|(first, second)| is_double_colon(first, second));
    let is_placeholder = follows('$') && names[0] != "crate";
    if goes_on || is_placeholder {
        return false;
    }
    let is_called =
        matches!(tokens.get(end + 1), Some(TokenTree::Group(next)) if next.delimiter() == Delimiter::Parenthesis);
    names.len() > 1 || is_capitalised(&names[0]) || is_called && !follows('.')
}

fn is_double_colon(first: &TokenTree, second: &TokenTree) -> bool {
    let is_joint = matches!(first, TokenTree::Punct(first) if first.spacing() == Spacing::Joint);
    is_joint && is_mark(first, ':') && is_mark(second, ':')
}

fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(token) if token.as_char() == mark)
}

pub(super) fn is_capitalised(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}
