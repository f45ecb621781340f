//! `segue test`: scenario files on a logical clock, without a server.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use segue_runtime::scenario::{self, Report};
use serde_json::Value;

use crate::definition_files;
use crate::terminal::{self, Format};

/// Run scenario files on a logical clock, without a server
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue test red-shoes.yaml
  segue test tests/scenarios")]
pub(crate) struct Test {
    /// Scenario files, or folders that hold some
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How to print: json is one object a line, for each file
    #[arg(short, long, default_value = "table")]
    output: Format,
}

impl Test {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let (mut passed, mut failed) = (0, 0);
        for path in &self.files {
            for file in scenario_files(path)? {
                let report = match scenario::run_file(&file) {
                    Ok(report) => report,
                    Err(error) => {
                        terminal::note(format!("error: {error}"));
                        failed += 1;
                        continue;
                    }
                };
                let holding = report.scenarios.iter().filter(|each| each.failures.is_empty());
                let holding = holding.count();
                passed += holding;
                failed += report.scenarios.len() - holding;
                self.print(&report)?;
            }
        }
        if passed + failed == 0 {
            bail!("no scenarios found: name a file that holds some, or a folder of such files");
        }
        if self.output == Format::Table {
            terminal::line(format!("{passed} passed, {failed} failed"));
        }
        if failed > 0 {
            bail!("{failed} scenarios failed; each failed step is shown above");
        }
        Ok(())
    }

    /// What a file's scenarios did; the outputs of several files make one stream.
    fn print(&self, report: &Report) -> anyhow::Result<()> {
        match self.output {
            Format::Json => terminal::line(report.to_value().to_string()),
            Format::Yaml | Format::Table => {
                let one_item = Value::Array(vec![report.to_value()]);
                terminal::document(self.output, &one_item, |_| report.to_string())?;
            }
        }
        Ok(())
    }
}

/// The file itself, or the YAML files of a folder in name order.
fn scenario_files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = definition_files::entries(path)?;
    files.retain(|file| definition_files::has_ending(file, &["yaml", "yml"]));
    Ok(files)
}
