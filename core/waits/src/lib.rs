//! One text for two kinds of devices. What is written for one that is waited for, with `async` and `.await`, is the same for
//! one that blocks without these words; where all devices block, the state machines of the futures would be a quarter of the
//! flash log's code. There is no such switch in the language, and a macro by example cannot look into a function's body.

use proc_macro::{Group, TokenStream, TokenTree};

/// The item as it is with the feature `waiting`; without it, every `async` and `.await` in it is left out.
#[proc_macro_attribute]
pub fn waits(_: TokenStream, item: TokenStream) -> TokenStream {
    if cfg!(feature = "waiting") { item } else { plain(item) }
}

fn plain(tokens: TokenStream) -> TokenStream {
    let mut tokens = tokens.into_iter().peekable();
    let mut kept = Vec::new();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(word) if word.to_string() == "async" => {}
            TokenTree::Punct(dot) if dot.as_char() == '.' => match tokens.peek() {
                Some(TokenTree::Ident(word)) if word.to_string() == "await" => drop(tokens.next()),
                _ => kept.push(TokenTree::Punct(dot)),
            },
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), plain(group.stream()));
                inner.set_span(group.span());
                kept.push(TokenTree::Group(inner));
            }
            other => kept.push(other),
        }
    }
    kept.into_iter().collect()
}
