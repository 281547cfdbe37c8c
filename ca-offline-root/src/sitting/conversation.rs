//! What is said and asked; every answer is noted.

use zeroize::Zeroizing;

use super::Sitting;
use crate::transcript::Typed;
use crate::{Error, Mode, fingerprint};

impl Sitting<'_> {
    /// Tells what begins, and asks who is there.
    pub(super) fn welcome(&mut self) -> Result<(), Error> {
        let title = format!("Ceremony {:?} of kind {}", self.ceremony.file, self.kind);
        self.say(&title)?;
        if self.mode == Mode::Rehearsal {
            self.say(
                "THIS IS A REHEARSAL: a throw-away key signs, the real one is not touched, and \
                 nothing that comes out may be trusted.",
            )?;
        }
        self.say(&format!(
            "SHA-256 of the ceremony file: {}",
            self.ceremony.sha256
        ))?;
        self.say(&format!("The clock says: {}", self.started_at))?;
        if !self.network.interfaces_up.is_empty() {
            let interfaces = self.network.interfaces_up.join(", ");
            self.say(&format!(
                "THIS MACHINE IS ON A NETWORK ({interfaces}), on purpose, as the transcript will say."
            ))?;
        }
        let operator = self.ask_name("unnamed", "Operator, your name:")?;
        self.people.operator = operator;
        let witnesses = self.ask("Witnesses, separated by commas (none: leave empty):")?;
        self.people.witnesses = witnesses
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        Ok(())
    }

    /// Says something to those present.
    pub(crate) fn say(&mut self, text: &str) -> Result<(), Error> {
        self.world.terminal.say(text).map_err(Error::Terminal)
    }

    /// Shows what will be done, a fact a line.
    pub(crate) fn present(&mut self, title: &str, facts: &[(&str, String)]) -> Result<(), Error> {
        let width = facts
            .iter()
            .map(|(label, _)| label.len())
            .max()
            .unwrap_or(0);
        self.say("")?;
        self.say(title)?;
        for (label, fact) in facts {
            self.say(&format!("  {label:width$}  {fact}"))?;
        }
        Ok(())
    }

    /// Asks the operator.
    pub(crate) fn ask(&mut self, question: &str) -> Result<String, Error> {
        let answer = self.world.terminal.ask(question).map_err(Error::Terminal)?;
        self.note(&self.people.operator.clone(), question, &answer);
        Ok(answer)
    }

    /// Asks for a name, which may not be empty.
    pub(crate) fn ask_name(&mut self, who: &str, question: &str) -> Result<String, Error> {
        let name = self.world.terminal.ask(question).map_err(Error::Terminal)?;
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(Error::NotConfirmed(format!(
                "{question:?} was not answered"
            )));
        }
        let who = if who == "unnamed" {
            name.clone()
        } else {
            who.to_owned()
        };
        self.note(&who, question, &name);
        Ok(name)
    }

    /// Asks somebody for a secret; only that it was given is noted.
    pub(crate) fn ask_secret(
        &mut self,
        who: &str,
        question: &str,
    ) -> Result<Zeroizing<String>, Error> {
        let terminal = &mut self.world.terminal;
        let secret = terminal.ask_secret(question).map_err(Error::Terminal)?;
        self.note(who, question, "(a secret, not recorded)");
        Ok(secret)
    }

    /// Shows a secret to one person until Enter is pressed.
    pub(crate) fn show_secret(&mut self, secret: &str, question: &str) -> Result<(), Error> {
        let terminal = &mut self.world.terminal;
        terminal
            .show_secret(secret, question)
            .map_err(Error::Terminal)
    }

    /// Asks whether all of the above is right.
    pub(crate) fn confirm(&mut self, question: &str) -> Result<(), Error> {
        let answer = self.ask(&format!("{question} Type yes to go on:"))?;
        if answer.eq_ignore_ascii_case("yes") {
            return Ok(());
        }
        Err(Error::NotConfirmed(format!(
            "the answer was {answer:?} and not yes"
        )))
    }

    /// Has a fingerprint typed back, whole.
    pub(crate) fn type_back(&mut self, what: &str, fingerprint: &[u8; 32]) -> Result<(), Error> {
        self.say(&format!(
            "SHA-256 of {what}: {}",
            fingerprint::grouped(fingerprint)
        ))?;
        self.say("Compare it with the one that its maker handed over, and type that one.")?;
        let typed = self.ask("Fingerprint:")?;
        if fingerprint::matches(&typed, fingerprint) {
            return Ok(());
        }
        Err(Error::NotConfirmed(format!(
            "the fingerprint that was typed is not the one of {what}"
        )))
    }

    /// Returns the operator's name.
    pub(crate) fn operator(&self) -> String {
        self.people.operator.clone()
    }

    fn note(&mut self, who: &str, asked: &str, answer: &str) {
        self.typed.push(Typed {
            at: (self.world.clock)().to_string(),
            who: who.to_owned(),
            asked: asked.to_owned(),
            answer: answer.to_owned(),
        });
    }
}
