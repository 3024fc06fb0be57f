use super::*;
use proptest::prelude::*;
use std::string::{String, ToString};

const LIMITS: ParseLimits = ParseLimits { max_bulk_len: 512 << 20, authenticated: true };
const STRANGER: ParseLimits = ParseLimits { authenticated: false, ..LIMITS };

type Commands = Vec<Vec<Vec<u8>>>;

/// All commands of a stream that arrives in the given pieces, as a session would read it.
fn commands<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limits: &ParseLimits,
) -> (Commands, Result<usize, ProtocolError>) {
    let (mut found, mut input, mut spans) = (Commands::new(), Vec::new(), Vec::new());
    let mut state = ParseState::default();
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match parse(&input, &mut state, limits, &mut spans) {
                Err(error) => return (found, Err(error)),
                Ok(Parsed::Incomplete) => {
                    assert!(spans.is_empty(), "an incomplete command leaves no spans");
                    break;
                }
                Ok(Parsed::Complete { consumed }) => {
                    let source = state.source(&input);
                    found.push(spans.drain(..).map(|span| span.of(source).to_vec()).collect());
                    input.drain(..consumed);
                }
            }
        }
    }
    (found, Ok(input.len()))
}

fn whole(stream: &[u8]) -> (Commands, Result<usize, ProtocolError>) {
    commands([stream], &LIMITS)
}

fn texts(commands: &[&[&str]]) -> Commands {
    commands.iter().map(|words| words.iter().map(|word| word.as_bytes().to_vec()).collect()).collect()
}

fn error_text(stream: &[u8], limits: &ParseLimits) -> String {
    let mut text = Vec::new();
    commands([stream], limits).1.unwrap_err().write_text(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn arrays_and_lines() {
    let stream =
        b"*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING\r\n*0\r\n*-1\r\n\r\nset \"a b\" 'c'\n*1\r\n$0\r\n\r\nget x\r\n";
    let expected: &[&[&str]] =
        &[&["GET", "a"], &["PING"], &[], &[], &[], &["set", "a b", "c"], &[""], &["get", "x"]];
    assert_eq!(whole(stream), (texts(expected), Ok(0)));
}

/// A million and more were refused, which was the limit of Redis 6.
#[test]
fn a_command_has_as_many_arguments_as_it_says() {
    assert!(whole(b"*3000000\r\n$4\r\nMSET\r\n").1.is_ok());
}

/// The reference never looks at the bytes that end an argument, nor at the one behind a carriage return.
#[test]
fn line_ends_are_not_checked() {
    assert_eq!(whole(b"*1\rx$4\r\rPING__"), (texts(&[&["PING"]]), Ok(0)));
}

#[test]
fn errors_are_the_references_own() {
    let cases: [(&[u8], &str); 14] = [
        (b"*a\r\n", "invalid multibulk length"),
        (b"*2147483648\r\n", "invalid multibulk length"),
        (b"*01\r\n", "invalid multibulk length"),
        (b"*\r\n", "invalid multibulk length"),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n", "expected '$', got 'f'"),
        (b"*1\r\n\r\n", "expected '$', got ' '"),
        (b"*1\r\n$-10\r\n", "invalid bulk length"),
        (b"*1\r\n$2000000000\r\n", "invalid bulk length"),
        (b"*1\r\n$blabla\r\n", "invalid bulk length"),
        (b"*1\r\n$00\r\n", "invalid bulk length"),
        (b"*1\r\n$\r\n", "invalid bulk length"),
        (b"set \"\"\"test-key\"\"\" test-value\r\n", "unbalanced quotes in request"),
        (b"get 'a\r\n", "unbalanced quotes in request"),
        (b"get \"a\n", "unbalanced quotes in request"),
    ];
    for (stream, text) in cases {
        assert_eq!(error_text(stream, &LIMITS), std::format!("ERR Protocol error: {text}"), "{stream:?}");
    }
    assert_eq!(error_text(b"*11\r\n", &STRANGER), "ERR Protocol error: unauthenticated multibulk length");
    assert_eq!(error_text(b"*1\r\n$16385\r\n", &STRANGER), "ERR Protocol error: unauthenticated bulk length");
    assert_eq!(commands([&b"*10\r\n$16384\r\n"[..]], &STRANGER), (Commands::new(), Ok(13)));
    let small = ParseLimits { max_bulk_len: 5, ..LIMITS };
    assert_eq!(error_text(b"*1\r\n$6\r\n", &small), "ERR Protocol error: invalid bulk length");
}

/// A NUL byte hides the line's end, so that the client sends on until the line is too long.
#[test]
fn endless_lines_are_refused() {
    let payload = "A".repeat(1024) + "\n";
    let cases = [
        (&b"\0"[..], "too big inline request"),
        (b"$\0", "too big inline request"),
        (b"*\0", "too big mbulk count string"),
        (b"*1\r\n$\0", "too big bulk count string"),
        (b"*1\r\n\0", "too big bulk count string"),
    ];
    for (start, text) in cases {
        let mut stream = start.to_vec();
        stream.extend_from_slice(payload.repeat(63).as_bytes());
        assert_eq!(whole(&stream).1, Ok(stream.len()));
        stream.extend_from_slice(payload.repeat(2).as_bytes());
        assert_eq!(error_text(&stream, &LIMITS), "ERR Protocol error: ".to_string() + text);
        assert_eq!(commands(stream.chunks(999), &LIMITS).1, whole(&stream).1);
    }
    assert_eq!(whole("a".repeat(MAX_LINE + 1).as_bytes()).1, Err(ProtocolError::TooBigInlineRequest));
}

#[test]
fn a_large_argument_is_not_looked_at_again() {
    let mut state = ParseState::default();
    let mut spans = Vec::new();
    let mut input = b"*2\r\n$4\r\nECHO\r\n$1000000\r\n".to_vec();
    assert_eq!(parse(&input, &mut state, &LIMITS, &mut spans), Ok(Parsed::Incomplete));
    assert_eq!(state.wants(), input.len() + 1_000_002);
    input.resize(state.wants(), b'x');
    let consumed = input.len();
    assert_eq!(parse(&input, &mut state, &LIMITS, &mut spans), Ok(Parsed::Complete { consumed }));
    assert_eq!(spans.last(), Some(&Span { start: 24, len: 1_000_000 }));
    assert_eq!(state.wants(), 1);
}

fn array() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..5).prop_map(|words| {
        let mut out = std::format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            out.extend_from_slice(std::format!("${}\r\n", word.len()).as_bytes());
            out.extend_from_slice(&word);
            out.extend_from_slice(b"\r\n");
        }
        out
    })
}

fn piece_of_stream() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => array(),
        2 => "[a-z \"'\\\\x0-9]{0,12}\r?\n".prop_map(String::into_bytes),
        1 => proptest::collection::vec(proptest::sample::select(b"*$0123-\r\n\0ax'\" ".to_vec()), 0..8),
    ]
}

fn in_pieces(stream: &[u8], mut cuts: Vec<usize>) -> Vec<&[u8]> {
    cuts.iter_mut().for_each(|cut| *cut %= stream.len() + 1);
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        pieces in proptest::collection::vec(piece_of_stream(), 0..6),
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
        authenticated: bool,
    ) {
        let stream = pieces.concat();
        let limits = ParseLimits { authenticated, ..LIMITS };
        let expected = commands([&stream[..]], &limits);
        prop_assert_eq!(&commands(in_pieces(&stream, cuts), &limits), &expected);
        prop_assert_eq!(&commands(stream.chunks(1), &limits), &expected);
    }

    #[test]
    fn no_bytes_panic(stream in proptest::collection::vec(any::<u8>(), 0..64), star: bool) {
        let start: &[u8] = if star { b"*" } else { b"" };
        let _ = whole(&[start, &stream].concat());
    }
}
