//! Payloads that redis-server 7.0.15 answered to DUMP, and what no server writes.

use super::{DecodeError, decode};
use crate::types::codec::{Dialect, Encoder, Form, Reason, Walker, open_dump};
use crate::types::listpack::ListpackBuf;
use crate::types::{Limits, Value};
use crate::words::hash::HashKey;
use std::vec::Vec;

fn limits() -> Limits {
    Limits::new(HashKey::new([5, 6]))
}

fn reason(form: Form, body: &[u8]) -> Reason {
    match decode(form, body, &limits()) {
        Ok(value) => panic!("{form:?} {body:?}: {value:?}"),
        Err(DecodeError { reason, .. }) => reason,
    }
}

/// Elements as a listpack, behind the length of a string.
fn packed(elements: &[&str]) -> Vec<u8> {
    let mut list = ListpackBuf::new();
    elements.iter().for_each(|element| list.push_back(element.as_bytes()));
    let blob = list.into_vec();
    [&[blob.len() as u8], &blob[..]].concat()
}

#[test]
fn redis_payloads_come_back_byte_for_byte() {
    for (name, payload) in PAYLOADS {
        let (form, body) = open_dump(payload).expect(name).expect(name);
        let mut walker = Walker::new(form).expect(name);
        assert_eq!(walker.walk(body), Ok(true), "{name}");
        assert_eq!(walker.position(), body.len(), "{name}");
        let value = decode(form, body, &limits()).expect(name);
        let mut again = Vec::new();
        Encoder::default().dump(value.as_ref(), &mut again);
        assert_eq!(again, *payload, "{name}");
    }
}

#[test]
fn payloads_are_sealed() {
    let payload = PAYLOADS[0].1.to_vec();
    for bit in 0..payload.len() * 8 {
        let mut damaged = payload.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(open_dump(&damaged).is_none(), "bit {bit}");
    }
    for cut in 0..payload.len() {
        assert!(open_dump(&payload[..cut]).is_none());
    }
}

#[test]
fn every_prefix_of_a_body_is_refused() {
    for (name, payload) in PAYLOADS {
        let Some(Ok((form, body))) = open_dump(payload) else { panic!("{name}") };
        for cut in 0..body.len() {
            assert!(decode(form, &body[..cut], &limits()).is_err(), "{name} cut at {cut}");
            let mut walker = Walker::new(form).expect(name);
            assert_eq!(walker.walk(&body[..cut]), Ok(false), "{name} cut at {cut}");
        }
        assert_eq!(reason(form, &[body, &[0]].concat()), Reason::Trailing, "{name}");
    }
}

#[test]
fn a_walk_goes_on_where_it_stopped() {
    for (name, payload) in PAYLOADS {
        let Some(Ok((form, body))) = open_dump(payload) else { panic!("{name}") };
        let mut walker = Walker::new(form).expect(name);
        let arrivals = 0..body.len();
        assert!(arrivals.into_iter().all(|len| walker.walk(&body[..len]) == Ok(false)), "{name}");
        assert_eq!(walker.walk(body), Ok(true), "{name}");
    }
}

#[test]
fn what_occurs_twice_is_refused() {
    assert_eq!(reason(Form::Set, b"\x02\x01a\x01a"), Reason::Duplicate);
    assert_eq!(reason(Form::Set, b"\x02\xc0\x07\x017"), Reason::Duplicate);
    assert_eq!(reason(Form::SetListpack, &packed(&["a", "b", "a"])), Reason::Duplicate);
    assert_eq!(reason(Form::Hash, b"\x02\x01f\x01v\x01f\x01w"), Reason::Duplicate);
    assert_eq!(reason(Form::HashListpack, &packed(&["f", "v", "f", "w"])), Reason::Duplicate);
    assert_eq!(reason(Form::HashZipmap, b"\x0a\x02\x01f\x01\x00v\x01f\x00\x00\xff"), Reason::Duplicate);
    let many: Vec<_> = (0..20).map(|i| std::format!("f{}", i % 19)).flat_map(|f| [f, "v".into()]).collect();
    let many: Vec<&str> = many.iter().map(std::string::String::as_str).collect();
    let mut body = packed(&many);
    assert!(body.len() > 64);
    body.splice(..1, [0x40, body.len() as u8 - 1]);
    assert_eq!(reason(Form::HashListpack, &body), Reason::Duplicate);
    assert_eq!(reason(Form::ZsetText, b"\x02\x01a\x011\x01a\x012"), Reason::Duplicate);
    assert_eq!(reason(Form::ZsetListpack, &packed(&["a", "1", "a", "2"])), Reason::Duplicate);
    assert_eq!(reason(Form::SetIntset, b"\x0c\x02\0\0\0\x02\0\0\0\x05\0\x05\0"), Reason::Blob("intset"));
}

#[test]
fn what_holds_nothing_is_refused() {
    for form in [Form::List, Form::Set, Form::Hash, Form::Zset, Form::ZsetText, Form::ListQuicklist] {
        assert_eq!(reason(form, b"\0"), Reason::Empty, "{form:?}");
    }
    for form in [Form::HashListpack, Form::ZsetListpack, Form::SetListpack] {
        assert_eq!(reason(form, &packed(&[])), Reason::Empty, "{form:?}");
    }
    // A node without elements is dropped, a list of such nodes is empty.
    assert_eq!(reason(Form::ListQuicklist, &[&b"\x01\x02"[..], &packed(&[])].concat()), Reason::Empty);
}

#[test]
fn scores_are_numbers_in_order() {
    let nan = f64::NAN.to_le_bytes();
    assert_eq!(reason(Form::Zset, &[&b"\x01\x01a"[..], &nan].concat()), Reason::Score);
    assert_eq!(reason(Form::ZsetText, b"\x01\x01a\xfd"), Reason::Score);
    assert_eq!(reason(Form::ZsetText, b"\x01\x01a\x021x"), Reason::Score);
    assert_eq!(reason(Form::ZsetListpack, &packed(&["a", "x"])), Reason::Score);
    assert_eq!(reason(Form::ZsetListpack, &packed(&["a", "2", "b", "1"])), Reason::Score);
    assert_eq!(reason(Form::ZsetListpack, &packed(&["b", "1", "a", "1"])), Reason::Score);
    let infinite = decode(Form::ZsetText, b"\x02\x01a\xfe\x01b\xff", &limits());
    let Ok(Value::Zset(zset)) = infinite else { panic!("{infinite:?}") };
    let scores: Vec<f64> = zset.as_ref().iter().map(|(_, score)| score).collect();
    assert_eq!(scores, [f64::NEG_INFINITY, f64::INFINITY]);
}

#[test]
fn lengths_are_held_against_what_is_there() {
    for form in [Form::List, Form::Set, Form::Hash, Form::Zset, Form::ZsetText, Form::ListQuicklist] {
        assert_eq!(reason(form, b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a"), Reason::TooLong, "{form:?}");
        assert_eq!(reason(form, b"\x80\x7f\xff\xff\xff\x01a"), Reason::TooLong, "{form:?}");
    }
    assert_eq!(reason(Form::String, b"\x80\xff\xff\xff\xffa"), Reason::Truncated);
    // LZF: 4 bytes cannot become 2 GiB, and become what they claim exactly.
    assert_eq!(reason(Form::String, b"\xc3\x04\x80\x7f\xff\xff\xff\x00a\x20\x00"), Reason::Lzf);
    assert_eq!(reason(Form::String, b"\xc3\x04\x05\x00a\x20\x00"), Reason::Lzf);
    assert!(decode(Form::String, b"\xc3\x04\x04\x00a\x20\x00", &limits()).is_ok());
}

#[test]
fn what_has_no_meaning_is_refused() {
    assert_eq!(reason(Form::String, b"\xc4"), Reason::StringEncoding);
    assert_eq!(reason(Form::List, b"\xc0\x01"), Reason::Length);
    assert_eq!(reason(Form::List, b"\x82\x01"), Reason::Length);
    assert_eq!(reason(Form::ListQuicklist, b"\x01\x03\x01a"), Reason::Node);
    assert_eq!(reason(Form::HashListpack, &packed(&["f", "v", "g"])), Reason::Blob("hash"));
    assert_eq!(reason(Form::HashListpack, b"\x03abc"), Reason::Blob("listpack"));
    assert_eq!(reason(Form::ListZiplist, b"\x03abc"), Reason::Blob("ziplist"));
    assert_eq!(reason(Form::HashZipmap, b"\x03\x01\x01a"), Reason::Blob("zipmap"));
    assert_eq!(reason(Form::SetIntset, b"\x03abc"), Reason::Blob("intset"));
    assert_eq!(reason(Form::Stream, b"\0\0\0\0\0"), Reason::Unsupported("stream"));
    assert_eq!(Form::from_byte(8, Dialect::Redis), None);
    assert_eq!(Form::from_byte(26, Dialect::Redis), None);
    assert!((0..=25).filter(|&b| b != 8).all(|b| Form::from_byte(b, Dialect::Redis).unwrap().byte() == b));
}

/// Fields whose deadlines are 0 have none; any other deadline would be lost.
#[test]
fn field_deadlines() {
    let least = 7_i64.to_le_bytes();
    let body = |deadline: u8| [&least[..], &[1, deadline], b"\x01f\x01v"].concat();
    assert!(decode(Form::HashDeadlines, &body(0), &limits()).is_ok());
    assert!(matches!(reason(Form::HashDeadlines, &body(1)), Reason::Unsupported(_)));
    let body = |deadline: &str| [&least[..], &packed(&["f", "v", deadline])].concat();
    assert!(decode(Form::HashListpackDeadlines, &body("0"), &limits()).is_ok());
    assert!(matches!(reason(Form::HashListpackDeadlines, &body("9")), Reason::Unsupported(_)));
    let body = |deadline: i64| [&b"\x01\x01f\x01v"[..], &deadline.to_le_bytes()].concat();
    assert!(decode(Form::HashDeadlinesValkey, &body(-1), &limits()).is_ok());
    assert!(matches!(reason(Form::HashDeadlinesValkey, &body(5)), Reason::Unsupported(_)));
}

/// Under the limits a value is compact, beyond it is not, as when Redis loads.
#[test]
fn encodings_follow_the_limits() {
    let mut limits = limits();
    limits.hash_max_listpack_entries = 1;
    limits.zset_max_listpack_entries = 1;
    limits.set_max_intset_entries = 1;
    let encoding = |form, body: &[u8]| decode(form, body, &limits).map(|value| value.as_ref().encoding());
    let pairs = packed(&["a", "1", "b", "2"]);
    assert_eq!(encoding(Form::HashListpack, &packed(&["a", "1"])), Ok("listpack"));
    assert_eq!(encoding(Form::HashListpack, &pairs), Ok("hashtable"));
    assert_eq!(encoding(Form::ZsetListpack, &packed(&["a", "1"])), Ok("listpack"));
    assert_eq!(encoding(Form::ZsetListpack, &pairs), Ok("skiplist"));
    assert_eq!(encoding(Form::SetIntset, b"\x0a\x02\0\0\0\x01\0\0\0\x05\0"), Ok("intset"));
    assert_eq!(encoding(Form::SetIntset, b"\x0c\x02\0\0\0\x02\0\0\0\x05\0\x06\0"), Ok("hashtable"));
}

#[rustfmt::skip]
const PAYLOADS: &[(&str, &[u8])] = &[
    ("a small number", b"\x00\xc0\xf9\x0a\x00^&\xd10\xd7\xa2B\xab"),
    ("16 bits", b"\x00\xc1,\x01\x0a\x00\x95Ba\xf2e\x82\x5c\x10"),
    ("32 bits", b"\x00\xc2\x90\xee\xfe\xff\x0a\x00(u\xde{\x13\xeb(\x00"),
    ("64 bits", b"\x00\x0d1234567890123\x0a\x00^\x0c\x12\xae\x04)\xbc\x1e"),
    ("a short string", b"\x00\x05hello\x0a\x00cr\xdfve4 \x0a"),
    ("no bytes", b"\x00\x00\x0a\x00]\x9b\x5c@\x0f\x7f\xa2\xda"),
    ("not a number", b"\x00\x03007\x0a\x00rX\xe2{Li\xba\xd9"),
    ("compressed", b"\x00\xc3\x0b@x\x03abca\xe0i\x02\x01bc\x0a\x00\xc4\x94\xa1p*\xe2>\x06"),
    ("a list of one node", b"\x12\x01\x02\xc3\x17/\x0f/\x00\x00\x00\x04\x00\x81a\x02\x0c\x01\xdf\xfb\x02\x9ex\xe0\x14\x00\x01\x1f\xff\x0a\x00\xc3O\xdbcwFE\xce"),
    ("a list of nodes", b"\x12\x03\x02\x13\x13\x00\x00\x00\x03\x00\x82e0\x03\x82e1\x03\x82e2\x03\xff\x02\x13\x13\x00\x00\x00\x03\x00\x82e3\x03\x82e4\x03\x82e5\x03\xff\x02\x0f\x0f\x00\x00\x00\x02\x00\x82e6\x03\x82e7\x03\xff\x0a\x00\xe1\xee\xf0\x19\x89g]\xdb"),
    ("a plain node", b"\x12\x03\x02\x0a\x0a\x00\x00\x00\x01\x00\x81a\x02\xff\x01\xc3\x09\x19\x01yy\xe0\x0c\x00\x01yy\x02\x0a\x0a\x00\x00\x00\x01\x00\x81b\x02\xff\x0a\x00@i\x062\xeft\xaa\x0c"),
    ("an intset of 16 bits", b"\x0b\x0e\x02\x00\x00\x00\x03\x00\x00\x00\x01\x00\x02\x00\x03\x00\x0a\x00\xa5\x02\x5c\xe2mnM\x1b"),
    ("an intset of 64 bits", b"\x0b\xc3\x17 \x04\x08\x00\x00\x00\x03 \x03\x00\xff\xa0\x00@\x0b`\x00\x03\xf2\x05*\x01 \x08\x0a\x00Ig<\x9a]&\xbf\xc5"),
    ("a packed hash", b"\x10\x17\x17\x00\x00\x00\x06\x00\x81f\x02\x81v\x02\x81n\x02\x0c\x01\x81e\x02\x80\x01\xff\x0a\x00\xe9\x0e\xd3`W\xe0\x12-"),
    ("a table of fields", b"\x04\x01\x01f\xc3\x09@A\x01vv\xe04\x00\x01vv\x0a\x00=q\xbeR7\x86\xcfE"),
    ("a packed sorted set", b"\x11\x1d\x1d\x00\x00\x00\x06\x00\x81c\x02\x84-inf\x05\x81a\x02\x01\x01\x81b\x02\x832.5\x04\xff\x0a\x009\x923\x9b\xe1\x1f2="),
    ("a sorted set in order", b"\x05\x03\x01c\x00\x00\x00\x00\x00\x00\xf0\x7f\xc3\x09@A\x01bb\xe04\x00\x01bb\x00\x00\x00\x00\x00\x00\x04@\x01a\x00\x00\x00\x00\x00\x00\xf0?\x0a\x00*;\x95\x09\x9d\x91\xb1\xce"),
];
