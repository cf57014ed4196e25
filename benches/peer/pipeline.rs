//! A photo's file to a template, with the default models.

use crate::contender::{Contender, Outcome};
use qmagface::device::DeviceChoice;
use qmagface::engine::{Engine, EngineOptions};
use qmagface::template::Template;
use serde_json::{Value, json};
use std::path::PathBuf;

pub struct Pipeline {
    engine: Engine,
    path: PathBuf,
}

impl Pipeline {
    pub fn load(threads: usize) -> Outcome<Self> {
        let options = EngineOptions {
            device: DeviceChoice::Cpu,
            threads: Some(threads),
            ..EngineOptions::default()
        };
        Ok(Pipeline {
            engine: Engine::open("sface", &options)?,
            path: PathBuf::new(),
        })
    }

    fn template(&self) -> Outcome<Template> {
        let found = self.engine.extract_file(&self.path)?;
        let found = found.ok_or_else(|| format!("no face on {}", self.path.display()))?;
        Ok(self.engine.template(&found)?)
    }
}

impl Contender for Pipeline {
    fn about(&self) -> Value {
        json!({ "model": self.engine.info().model, "detector": self.engine.info().detector })
    }

    fn case(&mut self, name: &str) -> Outcome<Value> {
        self.path = name.into();
        Ok(Value::Null)
    }

    fn step(&mut self) -> Outcome<()> {
        std::hint::black_box(self.template()?);
        Ok(())
    }

    fn output(&mut self) -> Outcome<(Vec<usize>, Vec<f32>)> {
        let embedding = self.template()?.embedding();
        Ok((vec![embedding.len()], embedding))
    }
}
