//! A table of distinct texts: a text that occurs a million times is stored once and has a number.

use std::collections::HashMap;
use std::sync::Arc;

/// Texts, numbered from 0 in the order in which they were first seen.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    texts: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, u32>,
    /// The text that followed each text the last time. Reports of one program list the same names in
    /// the same order, so this guess is nearly always right, and then nothing is hashed.
    after: Vec<u32>,
    last: u32,
    bytes: usize,
}

impl Texts {
    /// The number of a text, which is added if it is new.
    pub fn id(&mut self, text: &str) -> u32 {
        let guess = self.after.get(self.last as usize).copied().unwrap_or(u32::MAX);
        let guessed = self.texts.get(guess as usize).is_some_and(|known| **known == *text);
        let id = if guessed { guess } else { self.find(text) };
        if let Some(after) = self.after.get_mut(self.last as usize) {
            *after = id;
        }
        self.last = id;
        id
    }

    /// The number of a text, whatever came before it.
    pub fn find(&mut self, text: &str) -> u32 {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        // A row group holds far fewer texts than there are numbers.
        let id = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let shared: Arc<str> = text.into();
        self.bytes += text.len();
        self.texts.push(shared.clone());
        self.ids.insert(shared, id);
        self.after.push(u32::MAX);
        id
    }

    /// The text of a number.
    pub fn get(&self, id: u32) -> Option<&str> {
        self.texts.get(id as usize).map(|text| &**text)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// How many bytes all texts have together.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The texts in the order of their numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_text_has_one_number_and_keeps_it(said in vec("[ab]{0,2}", 0..200)) {
            let mut texts = Texts::default();
            let ids: Vec<_> = said.iter().map(|text| texts.id(text)).collect();
            let table: Vec<_> = texts.iter().map(str::to_owned).collect();
            for (text, id) in said.iter().zip(ids) {
                prop_assert_eq!(text, &table[id as usize]);
            }
            let mut distinct = table.clone();
            distinct.sort();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), table.len());
            prop_assert_eq!(texts.bytes(), table.iter().map(String::len).sum::<usize>());
        }
    }
}
