//! ISO's codes, as the crate iso_currency knows them, each kind in one text: 1 KB of a component, where the crate's own
//! tables, which know more, take 5 KB with their code.

use iso_currency::{Country, Currency};

/// The codes of countries, of currencies that people pay with, and of the others, as Rust's constants.
pub(crate) fn constants() -> String {
    let countries = codes(2).into_iter().filter(|code| code.parse().is_ok_and(|known| Country::Unspecified != known));
    let currencies = codes(3).into_iter().filter_map(|code| Currency::from_code(&code).map(|known| (code, known)));
    let (others, paid_with): (Vec<_>, Vec<_>) =
        currencies.partition(|(_, currency)| currency.is_fund() || currency.is_special());
    let text = |currencies: Vec<(String, Currency)>| currencies.into_iter().map(|(code, _)| code).collect::<String>();
    format!(
        "const COUNTRIES: &str = {:?};\nconst CURRENCIES: &str = {:?};\nconst OTHER_CURRENCIES: &str = {:?};\n",
        countries.collect::<String>(),
        text(paid_with),
        text(others)
    )
}

/// All texts of so many capitals.
fn codes(length: usize) -> Vec<String> {
    let letters = || ('A'..='Z').map(String::from);
    (1..length).fold(letters().collect(), |shorter: Vec<String>, _| {
        shorter.iter().flat_map(|code| letters().map(move |letter| [code, letter.as_str()].concat())).collect()
    })
}
