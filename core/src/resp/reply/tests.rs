use super::{Proto, Reply};
use crate::types::listpack::Element;
use crate::words::error::SYNTAX;
use alloc::vec::Vec;
use std::string::String;

fn written(proto: Proto, write: impl FnOnce(&mut Reply<'_>)) -> String {
    let mut out = b"before|".to_vec();
    write(&mut Reply::new(&mut out, proto));
    String::from_utf8(out).unwrap().strip_prefix("before|").unwrap().into()
}

fn both(write: impl Fn(&mut Reply<'_>)) -> (String, String) {
    (written(Proto::Resp2, &write), written(Proto::Resp3, &write))
}

/// What is written, and its bytes in RESP2 and RESP3.
type Case = (fn(&mut Reply<'_>), &'static str, &'static str);

#[test]
fn each_form_in_both_protocols() {
    let cases: [Case; 24] = [
        (|r| r.ok(), "+OK\r\n", "+OK\r\n"),
        (|r| r.simple("PONG"), "+PONG\r\n", "+PONG\r\n"),
        (|r| r.error(&SYNTAX), "-ERR syntax error\r\n", "-ERR syntax error\r\n"),
        (|r| r.error_bytes(b"ERR a\r\nb"), "-ERR a  b\r\n", "-ERR a  b\r\n"),
        (|r| r.int(7), ":7\r\n", ":7\r\n"),
        (|r| r.int(-12345), ":-12345\r\n", ":-12345\r\n"),
        (|r| r.len(10), ":10\r\n", ":10\r\n"),
        (|r| r.bulk(b""), "$0\r\n\r\n", "$0\r\n\r\n"),
        (|r| r.bulk(b"0123456789"), "$10\r\n0123456789\r\n", "$10\r\n0123456789\r\n"),
        (|r| r.bulk_int(-1), "$2\r\n-1\r\n", "$2\r\n-1\r\n"),
        (|r| r.bulk_f64(0.1), "$19\r\n0.10000000000000001\r\n", "$19\r\n0.10000000000000001\r\n"),
        (|r| r.double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n"),
        (|r| r.double(f64::NEG_INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n"),
        (|r| r.element(Element::Int(12)), "$2\r\n12\r\n", "$2\r\n12\r\n"),
        (|r| r.element(Element::Str(b"x")), "$1\r\nx\r\n", "$1\r\nx\r\n"),
        (|r| r.null(), "$-1\r\n", "_\r\n"),
        (|r| r.null_array(), "*-1\r\n", "_\r\n"),
        (|r| r.array(11), "*11\r\n", "*11\r\n"),
        (|r| r.map(2), "*4\r\n", "%2\r\n"),
        (|r| r.set(3), "*3\r\n", "~3\r\n"),
        (|r| r.push(3), "*3\r\n", ">3\r\n"),
        (|r| r.bool(true), ":1\r\n", "#t\r\n"),
        (|r| r.verbatim("txt", b"hi"), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"),
        (|r| r.big("123"), "$3\r\n123\r\n", "(123\r\n"),
    ];
    for (write, resp2, resp3) in cases {
        assert_eq!(both(write), (resp2.into(), resp3.into()));
    }
}

#[test]
fn headers_are_filled_in_later() {
    for count in [0, 1, 9, 10, 1000] {
        let (array, _) = both(|reply| {
            let outer = reply.deferred_array();
            let inner = reply.deferred_array();
            (0..count).for_each(|_| reply.int(5));
            reply.finish_array(inner, count);
            reply.finish_array(outer, 1);
        });
        assert_eq!(array, std::format!("*1\r\n*{count}\r\n{}", ":5\r\n".repeat(count)));
    }
    let (resp2, resp3) = both(|reply| {
        let mark = reply.deferred_array();
        reply.finish_set(mark, 6);
    });
    assert_eq!((resp2.as_str(), resp3.as_str()), ("*6\r\n", "~6\r\n"));
}

#[test]
fn replies_can_be_taken_back() {
    let mut out = Vec::new();
    let mut reply = Reply::new(&mut out, Proto::Resp2);
    reply.ok();
    let position = reply.position();
    reply.bulk(b"gone");
    reply.truncate(position);
    assert_eq!(out, b"+OK\r\n");
}
