//! docs/reference.md has the routes of the source.

use std::collections::BTreeSet;

use access::ROUTES;

use super::markdown::Page;
use super::routes_in_source::{Pattern, Segment, patterns, patterns_in};
use crate::tree;

const PAGE: &str = "docs/reference.md";

/// A route of the page: the heading `### GET, HEAD /orders/{id}`.
#[derive(Debug)]
struct Route {
    methods: BTreeSet<String>,
    path: String,
}

/// A trigger of spin.toml that clients can reach.
struct Trigger {
    /// `/health`, or `/stock/...`
    route: String,
    component: String,
}

fn routes() -> Vec<Route> {
    let page = Page::read(PAGE);
    let routes = page.headings().filter_map(|(depth, heading)| {
        let (methods, path) = heading.rsplit_once(' ')?;
        let methods = methods.split(", ").map(str::to_owned).collect();
        (depth == 3 && path.starts_with('/')).then(|| Route { methods, path: path.to_owned() })
    });
    routes.collect()
}

fn triggers() -> Vec<Trigger> {
    let manifest = tree::toml("spin.toml");
    let component = |trigger: &toml::Value| trigger["component"].as_str().unwrap().to_owned();
    let triggers = manifest["trigger"]["http"].as_array().unwrap().iter();
    let public =
        triggers.filter_map(|it| Some(Trigger { route: it["route"].as_str()?.to_owned(), component: component(it) }));
    public.collect()
}

impl Trigger {
    /// What its paths begin with.
    fn prefix(&self) -> &str {
        self.route.strip_suffix("/...").unwrap_or(&self.route)
    }

    fn leads(&self, path: &str) -> bool {
        match path.strip_prefix(self.prefix()) {
            Some("") => true,
            Some(rest) => self.route.ends_with("/...") && rest.starts_with('/'),
            None => false,
        }
    }
}

impl Route {
    /// The component that answers it: that of the longest trigger which leads there, as Spin chooses.
    fn component(&self) -> String {
        let triggers = triggers();
        let leading = triggers.into_iter().filter(|trigger| trigger.leads(&self.path));
        let longest = leading.max_by_key(|trigger| trigger.prefix().len());
        longest.unwrap_or_else(|| panic!("no trigger of spin.toml leads to {}", self.path)).component
    }

    fn segments(&self) -> Vec<&str> {
        self.path.split('/').skip(1).collect()
    }

    /// Whether a pattern of the source means this path. A variable segment of the page is in braces.
    fn fits(&self, pattern: &Pattern) -> bool {
        let segments = self.segments();
        let is_open = pattern.segments.last() == Some(&Segment::Rest);
        let fixed = &pattern.segments[..pattern.segments.len() - usize::from(is_open)];
        let length_fits = segments.len() == fixed.len() || is_open && segments.len() > fixed.len();
        length_fits && segments.iter().zip(fixed).all(|(segment, part)| is_same(segment, part))
    }
}

fn is_same(segment: &str, part: &Segment) -> bool {
    match part {
        Segment::Words(words) => words.iter().any(|word| word == segment),
        Segment::Any => segment.starts_with('{'),
        Segment::Rest => false,
    }
}

/// The components that answer requests.
fn components() -> BTreeSet<String> {
    triggers().into_iter().map(|trigger| trigger.component).collect()
}

fn routes_of(component: &str) -> Vec<Route> {
    routes().into_iter().filter(|route| route.component() == component).collect()
}

#[test]
fn each_trigger_leads_to_a_route_of_the_page() {
    for trigger in triggers() {
        let is_told = routes().iter().any(|route| trigger.leads(&route.path) && route.component() == trigger.component);
        assert!(is_told, "{PAGE} has no route below {}, a trigger of {}", trigger.route, trigger.component);
    }
}

#[test]
fn each_pattern_of_the_source_stands_on_the_page_with_its_methods() {
    for component in components() {
        let routes = routes_of(&component);
        for pattern in patterns(&component) {
            let told: Vec<&Route> = routes.iter().filter(|route| route.fits(&pattern)).collect();
            assert!(!told.is_empty(), "{PAGE} lacks a route of {component}: {pattern:?}");
            let methods: BTreeSet<&String> = told.iter().flat_map(|route| &route.methods).collect();
            let lacking: Vec<_> = pattern.methods.iter().filter(|method| !methods.contains(method)).collect();
            assert!(lacking.is_empty(), "{PAGE} lacks the methods {lacking:?} of {component}'s {pattern:?}");
        }
    }
}

#[test]
fn each_word_of_a_pattern_has_a_route_of_its_own_on_the_page() {
    for component in components() {
        let routes = routes_of(&component);
        for word in patterns(&component).iter().flat_map(|pattern| &pattern.segments).flat_map(words) {
            let is_told = routes.iter().any(|route| route.segments().contains(&word.as_str()));
            assert!(is_told, "{PAGE} has no route of {component} with the segment {word:?}");
        }
    }
}

#[test]
fn each_route_of_the_page_is_in_the_source_with_its_methods() {
    let all = routes();
    for route in &all {
        let component = route.component();
        let patterns = patterns(&component);
        if patterns.is_empty() {
            continue;
        }
        let fitting: Vec<&Pattern> = patterns.iter().filter(|pattern| route.fits(pattern)).collect();
        assert!(!fitting.is_empty(), "{PAGE} has {}, but {component} has no such route", route.path);
        let known: BTreeSet<&String> = fitting.iter().flat_map(|pattern| &pattern.methods).collect();
        // Two headings may have the same path.
        let same = all.iter().filter(|other| other.path == route.path);
        let told: BTreeSet<&String> = same.flat_map(|other| &other.methods).collect();
        assert!(known.is_empty() || told == known, "{}: {PAGE} has {told:?}, {component} has {known:?}", route.path);
    }
}

#[test]
fn each_word_of_a_route_on_the_page_is_a_word_of_the_source() {
    for route in routes() {
        let component = route.component();
        let patterns = patterns(&component);
        let known: Vec<&String> = patterns.iter().flat_map(|pattern| &pattern.segments).flat_map(words).collect();
        for word in route.segments().into_iter().filter(|segment| !segment.starts_with('{')) {
            let is_known = patterns.is_empty() || known.iter().any(|it| *it == word);
            assert!(is_known, "{PAGE} has {}, but {component} has no word {word:?} in its routes", route.path);
        }
    }
}

#[test]
fn the_page_has_the_routes_of_the_table_and_no_other() {
    let told = routes().into_iter().flat_map(|Route { methods, path }| {
        methods.into_iter().map(move |method| format!("{method} {path}")).collect::<Vec<_>>()
    });
    let known = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path.replace("...}", "}")));
    assert_eq!(told.collect::<BTreeSet<_>>(), known.collect::<BTreeSet<_>>(), "of {PAGE}, and of access::ROUTES");
}

/// What the adapter for Stripe serves inside of the application, where no trigger leads.
fn contract() -> Vec<Pattern> {
    patterns_in("components/stripe/src/contract.rs")
}

#[test]
fn no_trigger_leads_to_a_route_of_the_contract() {
    let fixed =
        |pattern: &Pattern| pattern.segments.iter().map_while(|it| words(it).first()).cloned().collect::<Vec<_>>();
    for trigger in triggers().into_iter().filter(|trigger| trigger.component == "stripe") {
        for pattern in contract() {
            let path = format!("/{}", fixed(&pattern).join("/"));
            assert!(!trigger.leads(&path), "the trigger {} leads to {path}", trigger.route);
        }
    }
}

#[test]
fn the_adapter_has_the_routes_of_the_contract_and_no_other() {
    let page = Page::read("docs/payments.md");
    let told = page.spans().filter_map(|(_, span)| span.split_once(" {payment_url}/"));
    let told: BTreeSet<String> = told.map(|(method, path)| format!("{method} {}", shape(path))).collect();
    let served = contract().into_iter().map(|pattern| {
        let path = pattern.segments.iter().map(|segment| words(segment).first().map_or("{}", String::as_str));
        let method = pattern.methods.first().expect("the source names it").clone();
        format!("{method} {}", path.collect::<Vec<_>>().join("/"))
    });
    assert_eq!(served.collect::<BTreeSet<_>>(), told, "the routes of the stripe component, and of docs/payments.md");
}

/// The path without the names of its parameters.
fn shape(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

fn words(segment: &Segment) -> &[String] {
    match segment {
        Segment::Words(words) => words,
        Segment::Any | Segment::Rest => &[],
    }
}
