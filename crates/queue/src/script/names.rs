//! Following names through the lists of a script.

/// Lists of names, as a script gives them.
pub(crate) type Lists = &'static [&'static [&'static str]];

/// The place of the last name. The next name must go on in the same list, or begin another one.
pub(super) struct Trail {
    lists: Lists,
    /// List and place of the last name. Two lists may begin alike.
    at: Vec<(usize, usize)>,
}

impl Trail {
    pub(super) fn new(lists: Lists) -> Self {
        Self { lists, at: Vec::new() }
    }

    /// Whether the last list is complete, or none has begun.
    pub(super) fn is_over(&self) -> bool {
        self.at.is_empty() || self.at.iter().any(|(list, place)| place + 1 == self.lists[*list].len())
    }

    /// Goes on by one name. Panics where no list has it. A script without lists is not followed.
    #[track_caller]
    pub(super) fn follow(&mut self, script: &str, name: &str) {
        let begins = (0..self.lists.len()).filter(|_| self.is_over()).map(|list| (list, 0));
        let next = self.at.iter().map(|(list, place)| (*list, place + 1)).chain(begins);
        let next = next.filter(|(list, place)| self.lists[*list].get(*place) == Some(&name)).collect();
        self.at = next;
        assert!(!self.at.is_empty() || self.lists.is_empty(), "{script} has no {name} here: {:?}", self.lists);
    }
}

#[cfg(test)]
mod tests {
    use super::Trail;

    const LISTS: super::Lists = &[&["queue", "id"], &["event", "log"], &["event", "payload"]];

    fn follow(names: &[&str]) -> bool {
        let mut followed = Trail::new(LISTS);
        names.iter().for_each(|name| followed.follow("script", name));
        followed.is_over()
    }

    #[test]
    fn lists_follow_one_another_whole() {
        assert!(follow(&["queue", "id", "event", "payload", "event", "log"]));
        assert!(!follow(&["queue", "id", "event"]), "the last one is not complete");
    }

    #[test]
    #[should_panic(expected = "script has no log here")]
    fn a_name_at_another_place_is_found() {
        follow(&["queue", "log"]);
    }
}
