//! The module tree of one compiled target, and which module refers to which by a path.

use super::scan::{ChildModule, File, Function, Import, Path, Scan};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path as FilePath, PathBuf};

/// Imports that lead to imports are followed this far; a longer chain is treated as a loop.
const IMPORT_DEPTH: usize = 16;

/// The modules of a library or a program, without those that are compiled for tests alone.
#[derive(Debug)]
pub struct Modules {
    pub(super) all: Vec<Module>,
    pub(super) functions: Vec<(PathBuf, Function)>,
    /// Lines of code by file.
    pub(super) code_lines: BTreeMap<PathBuf, usize>,
    /// Lines of test code in files that hold other code too.
    pub(super) test_lines: usize,
}

/// One module; its number in [`Modules::all`] is its identity, 0 is the root.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) parent: Option<usize>,
    children: BTreeMap<String, usize>,
    declared: BTreeSet<String>,
    imports: Vec<Import>,
    paths: Vec<Path>,
}

/// A path in one module that leads to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub(super) from: usize,
    pub(super) to: usize,
    /// File and line, for people.
    pub place: String,
    /// The path as written.
    pub path: String,
}

impl Modules {
    /// Reads the target whose root file is `root`. Places are given relative to `base`.
    ///
    /// # Errors
    /// A file is missing or is not Rust: which one, and why.
    pub fn read(base: &FilePath, root: &FilePath) -> Result<Modules, String> {
        let mut modules = Modules {
            all: Vec::new(),
            functions: Vec::new(),
            code_lines: BTreeMap::new(),
            test_lines: 0,
        };
        let folder = root.parent().unwrap_or(base).to_owned();
        modules.add_file(base, root, &folder, "crate", None)?;
        Ok(modules)
    }

    /// `folder` is where the files of its child modules are.
    fn add_file(
        &mut self,
        base: &FilePath,
        path: &FilePath,
        folder: &FilePath,
        name: &str,
        parent: Option<usize>,
    ) -> Result<(), String> {
        let shown = path.strip_prefix(base).unwrap_or(path).to_owned();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", shown.display()))?;
        let file = File::read(&text).map_err(|error| format!("{}: {error}", shown.display()))?;
        let tests = file.test_lines.difference(&file.code_lines).count();
        self.test_lines += tests;
        self.code_lines.insert(shown.clone(), file.code_lines.len());
        let functions = file.functions.into_iter().filter(|one| !one.is_test);
        self.functions
            .extend(functions.map(|function| (shown.clone(), function)));
        let place = Place { base, path, folder };
        self.add_module(place, name, parent, file.root)
    }

    fn add_module(
        &mut self,
        place: Place,
        name: &str,
        parent: Option<usize>,
        scan: Scan,
    ) -> Result<(), String> {
        let number = self.all.len();
        let shown = place.path.strip_prefix(place.base).unwrap_or(place.path);
        self.all.push(Module {
            name: name.to_owned(),
            file: shown.to_owned(),
            parent,
            children: BTreeMap::new(),
            declared: scan.declared,
            imports: scan.imports,
            paths: scan.paths,
        });
        if let Some(parent) = parent {
            self.all[parent].children.insert(name.to_owned(), number);
        }
        for child in scan.children.into_iter().filter(|child| !child.is_test) {
            self.add_child(place, number, child)?;
        }
        Ok(())
    }

    fn add_child(&mut self, place: Place, parent: usize, child: ChildModule) -> Result<(), String> {
        let folder = place.folder.join(&child.name);
        if let Some(body) = child.body {
            let place = Place {
                folder: &folder,
                ..place
            };
            return self.add_module(place, &child.name, Some(parent), body);
        }
        let sibling = place.folder.join(format!("{}.rs", child.name));
        let file = match &child.path_attribute {
            Some(path) => place.path.parent().unwrap_or(place.base).join(path),
            None if sibling.is_file() => sibling,
            None => folder.join("mod.rs"),
        };
        self.add_file(place.base, &file, &folder, &child.name, Some(parent))
    }

    /// Every path that leads from one module to another. Paths between a module and one that contains
    /// it are left out.
    pub fn references(&self) -> Vec<Reference> {
        let mut references = Vec::new();
        for (from, module) in self.all.iter().enumerate() {
            let imported = module.imports.iter().map(|import| &import.path);
            for path in imported.chain(&module.paths) {
                let Some(to) = self.resolve(from, &path.segments, 0) else {
                    continue;
                };
                if !self.contains(from, to) && !self.contains(to, from) {
                    references.push(Reference {
                        from,
                        to,
                        place: format!("{}:{}", module.file.display(), path.line),
                        path: path.segments.join("::"),
                    });
                }
            }
        }
        references.sort();
        references.dedup();
        references
    }

    /// The module that a path leads to from `module`: the one that declares what it names. [`None`] if
    /// it leads out of this target, or to nothing that is declared here.
    fn resolve(&self, module: usize, path: &[String], depth: usize) -> Option<usize> {
        let (first, rest) = path.split_first()?;
        let (start, rest) = match first.as_str() {
            "crate" => (0, rest),
            "self" => (module, rest),
            "super" => {
                let supers = path.iter().take_while(|one| *one == "super").count();
                let mut at = module;
                for _ in 0..supers {
                    at = self.all[at].parent?;
                }
                (at, &path[supers..])
            }
            name => {
                // A single small name may be a variable; it counts only as the begin of a path.
                let is_item = !rest.is_empty() || name.starts_with(char::is_uppercase);
                return match is_item {
                    true => self.resolve_name(module, name, rest, depth),
                    false => None,
                };
            }
        };
        self.walk(start, rest, depth)
    }

    /// Follows `path` from a module that it has reached.
    fn walk(&self, module: usize, path: &[String], depth: usize) -> Option<usize> {
        match path.split_first() {
            None => Some(module),
            // What is not found is declared by a macro.
            Some((name, rest)) => self
                .resolve_name(module, name, rest, depth)
                .or(Some(module)),
        }
    }

    /// Looks a name up in a module, then follows the rest of its path.
    fn resolve_name(
        &self,
        module: usize,
        name: &str,
        rest: &[String],
        depth: usize,
    ) -> Option<usize> {
        if depth > IMPORT_DEPTH {
            return None;
        }
        let here = &self.all[module];
        if let Some(child) = here.children.get(name) {
            return self.walk(*child, rest, depth);
        }
        if here.declared.contains(name) {
            return Some(module);
        }
        let named = here
            .imports
            .iter()
            .filter(|one| one.name.as_deref() == Some(name));
        let mut found = named.filter_map(|import| {
            let path = [&import.path.segments, rest].concat();
            self.resolve_import(module, &path, depth)
        });
        if let Some(found) = found.next() {
            return Some(found);
        }
        let globs = here.imports.iter().filter(|one| one.name.is_none());
        let mut found = globs.filter_map(|import| {
            let from = self.resolve_import(module, &import.path.segments, depth)?;
            (from != module).then(|| self.resolve_name(from, name, rest, depth + 1))?
        });
        found.next()
    }

    /// The same for a path of an import; its first name is never the import itself.
    fn resolve_import(&self, module: usize, path: &[String], depth: usize) -> Option<usize> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" | "self" | "super" => self.resolve(module, path, depth + 1),
            name => {
                let child = self.all[module].children.get(name)?;
                self.walk(*child, rest, depth + 1)
            }
        }
    }

    /// Whether `inner` is `outer` or a module in it.
    fn contains(&self, outer: usize, inner: usize) -> bool {
        self.ancestors(inner).contains(&outer)
    }

    /// The module itself and those that contain it, from the root down.
    pub(super) fn ancestors(&self, module: usize) -> Vec<usize> {
        let mut chain = vec![module];
        while let Some(parent) = self.all[chain[chain.len() - 1]].parent {
            chain.push(parent);
        }
        chain.reverse();
        chain
    }

    /// A module's path, without `crate`; `crate` for the root.
    pub(super) fn path_of(&self, module: usize) -> String {
        let chain = self.ancestors(module);
        let names: Vec<&str> = chain[1..]
            .iter()
            .map(|one| self.all[*one].name.as_str())
            .collect();
        match names.is_empty() {
            true => "crate".to_owned(),
            false => names.join("::"),
        }
    }

    /// Names of the modules directly below the root.
    pub fn top_level(&self) -> Vec<&str> {
        self.all[0].children.keys().map(String::as_str).collect()
    }
}

/// Where a module is declared.
#[derive(Clone, Copy)]
struct Place<'p> {
    base: &'p FilePath,
    path: &'p FilePath,
    folder: &'p FilePath,
}
