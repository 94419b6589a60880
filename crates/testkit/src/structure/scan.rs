//! Reads one Rust file as tokens: its modules, the names it declares and imports, the paths it
//! mentions, its functions, and which of its lines are code and which are test code.
//!
//! Tokens rather than a syntax tree: paths in macro calls count too, and `#[cfg(test)]` is left out
//! the same way on an item, a field, a statement or a match arm.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use std::collections::BTreeSet;

/// A path as written, and the line it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) line: usize,
    pub(super) segments: Vec<String>,
}

/// One name that a `use` declaration brings into scope; `name` is [`None`] for `::*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) name: Option<String>,
    pub(super) path: Path,
}

/// A function with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    /// From the line of `fn` to the line of the closing brace, both included.
    pub(super) lines: usize,
    pub(super) is_test: bool,
}

/// One `mod`: its body is in the same file, or in another one.
#[derive(Debug, Default)]
pub(super) struct ChildModule {
    pub(super) name: String,
    pub(super) path_attribute: Option<String>,
    pub(super) is_test: bool,
    pub(super) body: Option<Scan>,
}

/// What one module holds.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) children: Vec<ChildModule>,
    pub(super) declared: BTreeSet<String>,
    pub(super) imports: Vec<Import>,
    /// Paths outside of `use` declarations.
    pub(super) paths: Vec<Path>,
}

/// What one file holds.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) root: Scan,
    pub(super) functions: Vec<Function>,
    pub(super) code_lines: BTreeSet<usize>,
    pub(super) test_lines: BTreeSet<usize>,
}

impl File {
    /// Reads a file's text; the error names the place that is not Rust.
    pub(super) fn read(text: &str) -> Result<File, String> {
        let tokens: TokenStream = text.parse().map_err(|error| format!("{error}"))?;
        let mut reader = Reader {
            file: File::default(),
        };
        let mut root = Scan::default();
        reader.read(&list(tokens), &mut root, Context::MODULE);
        reader.file.root = root;
        Ok(reader.file)
    }
}

/// Where in a file a list of tokens is.
#[derive(Debug, Clone, Copy)]
struct Context {
    /// Directly in a module, where items are declared; not in a function or an `impl`.
    is_module: bool,
    is_test: bool,
}

impl Context {
    const MODULE: Context = Context {
        is_module: true,
        is_test: false,
    };

    fn inside(self) -> Context {
        Context {
            is_module: false,
            ..self
        }
    }
}

struct Reader {
    file: File,
}

/// What the attributes of an item state.
#[derive(Default)]
struct Attributes {
    is_test: bool,
    path: Option<String>,
}

const DECLARING: [&str; 8] = [
    "struct",
    "enum",
    "union",
    "trait",
    "type",
    "const",
    "static",
    "macro_rules",
];

impl Reader {
    fn read(&mut self, tokens: &[TokenTree], module: &mut Scan, context: Context) {
        let mut at = 0;
        // The name and line of a function whose body has not begun yet.
        let mut function: Option<(String, usize)> = None;
        while at < tokens.len() {
            let attributes_end = self.attributes(tokens, at, context);
            if let Some((end, attributes)) = attributes_end {
                at = end;
                if attributes.is_test && !context.is_test {
                    let end = item_end(tokens, at);
                    self.test_item(&tokens[at..end], &attributes, module, context);
                    at = end;
                } else if attributes.path.is_some() {
                    at = self.module(tokens, at, attributes, module, context);
                }
                continue;
            }
            self.mark(&tokens[at], context);
            match &tokens[at] {
                TokenTree::Ident(ident) => {
                    let word = ident.to_string();
                    let next = name_after(tokens, at);
                    match (word.as_str(), next) {
                        ("mod", Some(_)) => {
                            let none = Attributes::default();
                            at = self.module(tokens, at, none, module, context);
                            continue;
                        }
                        ("use", _) if begins_use(tokens, at) => {
                            at = self.import(tokens, at, module, context);
                            continue;
                        }
                        ("fn", Some(name)) => {
                            if context.is_module {
                                module.declared.insert(name.clone());
                            }
                            function = Some((name, line(ident.span())));
                        }
                        (word, Some(name)) if context.is_module && DECLARING.contains(&word) => {
                            module.declared.insert(name);
                        }
                        _ => {
                            let end = self.path(tokens, at, module, context);
                            at = end.max(at + 1);
                            continue;
                        }
                    }
                }
                TokenTree::Group(group) => {
                    if group.delimiter() == Delimiter::Brace {
                        self.function(function.take(), group, context);
                    }
                    let inner = list(group.stream());
                    self.read(&inner, module, context.inside());
                    self.mark_line(line(group.span_close()), context);
                }
                TokenTree::Punct(punct) if punct.as_char() == ';' => function = None,
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            at += 1;
        }
    }

    /// Attributes that begin at `at`, and where they end; comments for documentation are such, too.
    fn attributes(
        &mut self,
        tokens: &[TokenTree],
        at: usize,
        context: Context,
    ) -> Option<(usize, Attributes)> {
        let mut attributes = Attributes::default();
        let mut end = at;
        while let Some((next, group)) = attribute(tokens, end) {
            let inner = list(group.stream());
            let name = inner.first().map(ToString::to_string).unwrap_or_default();
            let is_test = is_test_attribute(&name, &inner);
            attributes.is_test |= is_test;
            if name == "path" {
                attributes.path = inner.last().map(|text| unquoted(&text.to_string()));
            }
            if name != "doc" {
                let is_test = context.is_test || is_test;
                let context = Context { is_test, ..context };
                for token in &tokens[end..next] {
                    self.mark_all(token, context);
                }
            }
            end = next;
        }
        (end > at).then_some((end, attributes))
    }

    fn test_item(
        &mut self,
        item: &[TokenTree],
        attributes: &Attributes,
        module: &mut Scan,
        context: Context,
    ) {
        let mut test = Scan::default();
        let test_context = Context {
            is_test: true,
            ..context
        };
        self.read(item, &mut test, test_context);
        for child in test.children {
            module.children.push(ChildModule {
                is_test: true,
                path_attribute: attributes.path.clone().or(child.path_attribute),
                ..child
            });
        }
    }

    /// A `mod` at `at`, after its attributes; gives where it ends.
    fn module(
        &mut self,
        tokens: &[TokenTree],
        at: usize,
        attributes: Attributes,
        module: &mut Scan,
        context: Context,
    ) -> usize {
        let mut at = at;
        while at < tokens.len() && tokens[at].to_string() != "mod" {
            self.mark(&tokens[at], context);
            at += 1;
        }
        let Some(name) = name_after(tokens, at) else {
            return at + 1;
        };
        self.mark(&tokens[at], context);
        let mut child = ChildModule {
            name,
            path_attribute: attributes.path,
            is_test: context.is_test,
            body: None,
        };
        if let Some(TokenTree::Group(group)) = tokens.get(at + 2) {
            let mut body = Scan::default();
            self.mark_line(line(group.span_open()), context);
            let inside = Context {
                is_module: true,
                ..context
            };
            self.read(&list(group.stream()), &mut body, inside);
            self.mark_line(line(group.span_close()), context);
            child.body = Some(body);
        }
        module.children.push(child);
        at + 3
    }

    /// A `use` declaration at `at`; gives where it ends.
    fn import(
        &mut self,
        tokens: &[TokenTree],
        at: usize,
        module: &mut Scan,
        context: Context,
    ) -> usize {
        let end = (at..tokens.len())
            .find(|index| tokens[*index].to_string() == ";")
            .unwrap_or(tokens.len());
        for token in &tokens[at..end] {
            self.mark_all(token, context);
        }
        import_tree(&tokens[at + 1..end], &[], &mut module.imports);
        end + 1
    }

    /// A path that begins at `at`; gives where it ends, which is `at` if none begins there.
    fn path(
        &mut self,
        tokens: &[TokenTree],
        at: usize,
        module: &mut Scan,
        context: Context,
    ) -> usize {
        if continues_something(tokens, at) {
            return at;
        }
        let mut segments = Vec::new();
        let mut end = at;
        while let Some(TokenTree::Ident(ident)) = tokens.get(end) {
            self.mark(&tokens[end], context);
            segments.push(ident.to_string());
            end += 1;
            let goes_on =
                is_colons(tokens, end) && matches!(tokens.get(end + 2), Some(TokenTree::Ident(_)));
            if !goes_on {
                break;
            }
            end += 2;
        }
        module.paths.push(Path {
            line: line(tokens[at].span()),
            segments,
        });
        end
    }

    fn function(&mut self, begun: Option<(String, usize)>, body: &Group, context: Context) {
        if let Some((name, begins)) = begun {
            self.file.functions.push(Function {
                name,
                line: begins,
                lines: line(body.span_close()) + 1 - begins,
                is_test: context.is_test,
            });
        }
    }

    /// Notes the lines of one token; of a group, the line on which it opens.
    fn mark(&mut self, token: &TokenTree, context: Context) {
        match token {
            TokenTree::Group(group) => self.mark_line(line(group.span_open()), context),
            token => {
                for line in line(token.span())..=token.span().end().line {
                    self.mark_line(line, context);
                }
            }
        }
    }

    fn mark_all(&mut self, token: &TokenTree, context: Context) {
        self.mark(token, context);
        if let TokenTree::Group(group) = token {
            for token in group.stream() {
                self.mark_all(&token, context);
            }
            self.mark_line(line(group.span_close()), context);
        }
    }

    fn mark_line(&mut self, line: usize, context: Context) {
        match context.is_test {
            true => self.file.test_lines.insert(line),
            false => self.file.code_lines.insert(line),
        };
    }
}

fn list(stream: TokenStream) -> Vec<TokenTree> {
    stream.into_iter().collect()
}

fn line(span: Span) -> usize {
    span.start().line
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}

/// Whether the identifier at `at` is a field, a method, a lifetime, or the rest of a longer path.
fn continues_something(tokens: &[TokenTree], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|index| tokens.get(index));
    let is_range = is_punct(before(1), '.') && is_punct(before(2), '.');
    (is_punct(before(1), '.') && !is_range)
        || is_punct(before(1), '\'')
        || (is_punct(before(1), ':') && is_punct(before(2), ':'))
}

/// Whether `use` at `at` begins a declaration; `impl Trait + use<'a>` does not.
fn begins_use(tokens: &[TokenTree], at: usize) -> bool {
    !is_punct(tokens.get(at + 1), '<')
}

/// The identifier after the keyword at `at`, past `mut` and the `!` of `macro_rules!`.
fn name_after(tokens: &[TokenTree], at: usize) -> Option<String> {
    let mut after = tokens.iter().skip(at + 1);
    match after.next()? {
        TokenTree::Ident(ident) if ident == "mut" => match after.next()? {
            TokenTree::Ident(ident) => Some(ident.to_string()),
            _ => None,
        },
        TokenTree::Ident(ident) if is_modifier(ident) => None,
        TokenTree::Ident(ident) => Some(ident.to_string()),
        TokenTree::Punct(punct) if punct.as_char() == '!' => match after.next()? {
            TokenTree::Ident(ident) => Some(ident.to_string()),
            _ => None,
        },
        _ => None,
    }
}

fn is_modifier(ident: &Ident) -> bool {
    ["fn", "unsafe", "async", "extern", "struct", "enum"]
        .iter()
        .any(|word| ident == word)
}

/// The attribute at `at`: where it ends, and its brackets.
fn attribute(tokens: &[TokenTree], at: usize) -> Option<(usize, &Group)> {
    if !is_punct(tokens.get(at), '#') {
        return None;
    }
    let brackets = at + 1 + usize::from(is_punct(tokens.get(at + 1), '!'));
    match tokens.get(brackets) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
            Some((brackets + 1, group))
        }
        _ => None,
    }
}

/// Whether what follows is compiled for tests alone: `#[cfg(test)]`, `#[test]`, `#[tokio::test]`.
fn is_test_attribute(name: &str, inner: &[TokenTree]) -> bool {
    match name {
        "cfg" => inner
            .iter()
            .any(|token| matches!(token, TokenTree::Group(group) if asks_for_test(group))),
        _ => inner
            .iter()
            .rfind(|token| !matches!(token, TokenTree::Group(_)))
            .is_some_and(|last| last.to_string() == "test"),
    }
}

fn asks_for_test(group: &Group) -> bool {
    let inner = list(group.stream());
    let negated = inner.iter().any(|token| token.to_string() == "not");
    !negated
        && inner.iter().any(|token| match token {
            TokenTree::Group(group) => asks_for_test(group),
            token => token.to_string() == "test",
        })
}

/// Where the item, field, statement or arm at `at` ends.
fn item_end(tokens: &[TokenTree], at: usize) -> usize {
    let ends_with_semicolon =
        |word: &str| ["use", "const", "static", "type", "let"].contains(&word);
    let head = tokens[at..].iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident != "pub" => Some(ident.to_string()),
        _ => None,
    });
    let is_function = tokens[at..]
        .iter()
        .take(8)
        .any(|token| token.to_string() == "fn");
    let needs_semicolon = !is_function && head.is_some_and(|word| ends_with_semicolon(&word));
    for (index, token) in tokens.iter().enumerate().skip(at) {
        let is_end = match token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => true,
            TokenTree::Punct(punct) if punct.as_char() == ',' => !is_function && !needs_semicolon,
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !needs_semicolon,
            _ => false,
        };
        if is_end {
            return index + 1;
        }
    }
    tokens.len()
}

/// Every name that a tree of imports brings into scope; `before` is the path in front of it.
fn import_tree(tokens: &[TokenTree], before: &[(String, usize)], into: &mut Vec<Import>) {
    let mut path = before.to_vec();
    let mut name = None;
    let mut at = 0;
    let mut is_done = false;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(ident) if ident == "as" => {
                name = tokens.get(at + 1).map(ToString::to_string);
                at += 1;
            }
            TokenTree::Ident(ident) => path.push((ident.to_string(), line(ident.span()))),
            TokenTree::Punct(punct) if punct.as_char() == '*' => {
                is_done = true;
                into.push(import(None, &path));
            }
            TokenTree::Punct(punct) if punct.as_char() == ',' => {
                if !is_done {
                    push_named(&mut name, before, &path, into);
                }
                path = before.to_vec();
                is_done = false;
            }
            TokenTree::Group(group) => {
                is_done = true;
                import_tree(&list(group.stream()), &path, into);
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        at += 1;
    }
    if !is_done {
        push_named(&mut name, before, &path, into);
    }
}

fn push_named(
    name: &mut Option<String>,
    before: &[(String, usize)],
    path: &[(String, usize)],
    into: &mut Vec<Import>,
) {
    let renamed = name.take();
    if path.len() == before.len() {
        return;
    }
    let mut path = path.to_vec();
    // `a::{self}` brings in `a`.
    if path.len() > 1 && path.last().is_some_and(|(last, _)| last == "self") {
        path.pop();
    }
    let last = path.last().map(|(last, _)| last.clone());
    into.push(import(renamed.or(last), &path));
}

fn import(name: Option<String>, path: &[(String, usize)]) -> Import {
    Import {
        name,
        path: Path {
            line: path.last().map_or(0, |(_, line)| *line),
            segments: path.iter().map(|(segment, _)| segment.clone()).collect(),
        },
    }
}

fn unquoted(text: &str) -> String {
    text.trim_matches('"').to_owned()
}
