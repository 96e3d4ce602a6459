//! `spin:variables/variables`: the variables that the manifest gives to a component.

use wasmtime::component::Accessor;

use super::Spin;
use crate::application::names::is_variable_name;
use crate::run::bindings::spin::variables::variables::{Error, Host, HostWithStore};
use crate::run::instance::InstanceState;
use crate::run::settings::ComponentSettings;
use crate::watch::calls::{Answer, Operation, Refusal};
use crate::watch::effects::{Failure, Reply};

impl Host for InstanceState {}

impl<T: Send> HostWithStore<T> for Spin {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> wasmtime::Result<Result<String, Error>> {
        let context = accessor.with(|mut access| access.get().context.clone());
        let operation = || Operation::Variable { name: name.clone() };
        Ok(context.effects.perform(operation, async { look_up(&context.component, &name) }).await?)
    }
}

fn look_up(component: &ComponentSettings, name: &str) -> Result<String, Error> {
    if !is_variable_name(name) {
        return Err(Error::InvalidName(format!("{name:?} is not a name for a variable")));
    }
    component
        .variables
        .get(name)
        .cloned()
        .ok_or_else(|| Error::Undefined(format!("no variable for {:?}.{name:?}", component.name)))
}

impl Reply for String {
    fn from_answer(answer: Answer) -> Option<Self> {
        match answer {
            Answer::Variable(value) => Some(value),
            _ => None,
        }
    }

    fn to_answer(&self) -> Answer {
        Answer::Variable(self.clone())
    }
}

impl Failure for Error {
    fn from_refusal(refusal: Refusal) -> Option<Self> {
        match refusal {
            Refusal::Variable(error) => Some(error),
            _ => None,
        }
    }

    fn lost() -> Self {
        Self::Provider("the connection to the provider broke".to_owned())
    }

    fn in_words(&self) -> String {
        match self {
            Self::InvalidName(text) | Self::Undefined(text) | Self::Provider(text) | Self::Other(text) => text.clone(),
        }
    }
}
