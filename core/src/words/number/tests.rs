use super::*;
use proptest::prelude::*;
use std::format;
use std::string::{String, ToString};

fn f64_text(value: f64) -> String {
    let mut out = Vec::new();
    write_f64(&mut out, value);
    String::from_utf8(out).unwrap()
}

fn long_text(value: LongDouble) -> String {
    let mut out = Vec::new();
    write_long_double(&mut out, value);
    String::from_utf8(out).unwrap()
}

fn sum(a: &str, b: &str) -> Option<String> {
    let a = parse_long_double(a.as_bytes())?;
    a.checked_add(parse_long_double(b.as_bytes())?).map(long_text)
}

/// A server works with 128 bits where they suffice, a chip with exact decimals always.
#[test]
fn both_ways_to_the_digits_of_a_double_agree() {
    let mut state = 1_u64;
    for _ in 0..if cfg!(miri) { 50 } else { 20_000 } {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let value = (state >> 11) as f64 * 10_f64.powi((state >> 3 & 31) as i32 - 20);
        let (mantissa, exponent) = float::decompose(value);
        if (1e-5..1e38).contains(&value) {
            let decimal = float::digits_of_decimal(mantissa, exponent);
            assert_eq!(float::digits_in_128_bits(mantissa, exponent), decimal, "{value}");
        }
        let (text, exponent) = (format!("{}", state >> 5), (state >> 2 & 31) as i32 - 20);
        let read = |magnitude| match magnitude {
            scan::Magnitude::Finite(binary) => float::to_f64(binary),
            _ => f64::NAN,
        };
        let fast = read(scan::decimal_magnitude(text.as_bytes(), exponent.into()));
        assert_eq!(read(scan::long_decimal(text.as_bytes(), exponent)), fast, "{text}e{exponent}");
    }
}

#[test]
fn integers_have_one_spelling() {
    for good in ["0", "1", "-1", "10", "9223372036854775807", "-9223372036854775808"] {
        assert_eq!(parse_i64(good.as_bytes()), good.parse().ok(), "{good}");
    }
    let bad =
        "|+1|-0|00|01|-01| 1|1 |1.0|a|1a|-|9223372036854775808|-9223372036854775809|10000000000000000000";
    for bad in bad.split('|').chain(["18446744073709551617", "99999999999999999999999"]) {
        assert_eq!(parse_i64(bad.as_bytes()), None, "{bad:?}");
    }
}

/// `ZADD z TEXT m` on Redis 7.0.15: these are taken, and `ZSCORE z m` gives the second column.
#[test]
fn scores_are_read_as_the_reference_reads_them() {
    let taken = [
        ("0x1p3", "8"),
        ("5e-324", "4.9406564584124654e-324"),
        ("+1", "1"),
        ("-0", "-0"),
        (".5e1", "5"),
        ("INFinity", "inf"),
        ("-inf", "-inf"),
        ("0x.8p1", "1"),
        ("1.", "1"),
        ("3.0e0", "3"),
        ("1e22", "1e+22"),
        ("123456789012345678", "1.2345678901234568e+17"),
        ("12345678901234567", "12345678901234568"),
    ];
    for (text, printed) in taken {
        assert_eq!(parse_f64(text.as_bytes()).map(f64_text).as_deref(), Some(printed), "{text}");
    }
    let refused = "nan|nan(1)|-nan|1e400|1e-400|0x||++1|.|infin|0x1.p|0x1p-1080|0x1p1024|0x1.fffffffffffff8p1023|1e|1e+| 1|1 |e5|-";
    for text in refused.split('|').chain(["1e999999999999", "1e-999999999999", "\t1", "1\0"]) {
        assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(parse_f64(b"0e999999999999"), Some(0.0));
}

#[test]
fn strtod_tells_how_far_it_read() {
    assert_eq!(strtod(b" \t1.5e3x"), (1500.0, 7));
    assert_eq!(strtod(b""), (0.0, 0));
    assert_eq!(strtod(b"  x"), (0.0, 0));
    assert_eq!(strtod(b"-1e400"), (f64::NEG_INFINITY, 6));
    assert_eq!(strtod(b"0xg"), (0.0, 1));
    assert_eq!(strtod(b"1e+"), (1.0, 1));
    assert!(strtod(b"nan(1)z").0.is_nan() && strtod(b"nan(1)z").1 == 6 && strtod(b"nan(1").1 == 3);
}

/// What C's `%.17g` prints.
#[test]
fn doubles_print_seventeen_digits() {
    let printed = [
        (0.1, "0.10000000000000001"),
        (3.0, "3"),
        (-2.5, "-2.5"),
        (1e16, "10000000000000000"),
        (1e17, "1e+17"),
        (1e100, "1e+100"),
        (1.5e-5, "1.5e-05"),
        (0.0001, "0.0001"),
        (0.00012345, "0.00012344999999999999"),
        (1e-7, "9.9999999999999995e-08"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
        (123.456, "123.456"),
        (1e21 + 0.5, "1e+21"),
        (9007199254740993.0, "9007199254740992"),
        (0.999_999_999_999_999_9, "0.99999999999999989"),
    ];
    for (value, text) in printed {
        assert_eq!(f64_text(value), text);
    }
}

/// `SET k A`, `INCRBYFLOAT k B` on Redis 7.0.15.
#[test]
fn float_counters_add_as_the_reference_does() {
    let transcript = include_str!("incrbyfloat.txt");
    for line in transcript.lines() {
        let mut words = line.split(' ');
        let (a, b, result) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        assert_eq!(sum(a, b).as_deref().unwrap_or("error"), result, "{a} + {b}");
    }
}

#[test]
fn long_doubles_at_the_edges() {
    assert_eq!(sum("1.18973149535723176502e+4932", "1"), sum("1.18973149535723176502e+4932", "0"));
    assert_eq!(sum("1.18973149535723176502e+4932", "1.18973149535723176502e+4932"), None);
    assert_eq!(parse_long_double(b"1.2e4932"), None);
    assert_eq!(parse_long_double(b"1e-5000"), None);
    assert!(parse_long_double(b"3.7e-4951").is_some());
    assert_eq!(sum("inf", "1"), None);
    assert_eq!(long_text(LongDouble::from_f64(0.1)), "0.10000000000000001");
    assert_eq!(long_text(LongDouble::from_f64(-0.0)), "0");
    assert_eq!(long_text(LongDouble::from_i64(i64::MIN)), "-9223372036854775808");
    assert_eq!(long_text(LongDouble::Infinite { negative: true }), "-inf");
    assert_eq!(parse_long_double(&[b'1'; 5120]), None);
}

/// `%.17g` out of Rust's exact `{:.16e}`.
fn general(value: f64) -> String {
    let scientific = format!("{:.16e}", value.abs());
    let (digits, exponent) = scientific.split_once('e').unwrap();
    let exponent: i32 = exponent.parse().unwrap();
    let trim = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_string();
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if (-4..17).contains(&exponent) {
        let fixed = format!("{:.*}", (16 - exponent) as usize, value.abs());
        let fixed = if fixed.contains('.') { trim(&fixed) } else { fixed };
        return format!("{sign}{fixed}");
    }
    let mark = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{}e{mark}{:02}", trim(digits), exponent.abs())
}

proptest! {
    #[test]
    fn any_integer_goes_round(value: i64) {
        let mut out = Vec::new();
        write_i64(&mut out, value);
        prop_assert_eq!(parse_i64(&out), Some(value));
        prop_assert_eq!(i64_len(value), out.len());
    }

    #[test]
    fn any_text_is_an_integer_only_if_it_prints_the_same(text in "-?[0-9]{0,20}") {
        let expected = text.parse::<i64>().ok().filter(|value| value.to_string() == text);
        prop_assert_eq!(parse_i64(text.as_bytes()), expected);
    }

    #[test]
    fn any_double_prints_as_c_prints_it(bits: u64) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        prop_assert_eq!(f64_text(value), general(value));
    }

    #[test]
    fn everyday_doubles_print_as_c_prints_them(value in -1e18f64..1e18, scale in -40i32..30) {
        let value = value * 10f64.powi(scale);
        prop_assert_eq!(f64_text(value), general(value));
    }

    #[test]
    fn any_double_goes_round(bits: u64) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        prop_assert_eq!(parse_f64(f64_text(value).as_bytes()), Some(value));
    }

    #[test]
    fn decimals_round_as_rust_rounds_them(text in "-?[0-9]{1,40}(\\.[0-9]{0,40})?(e-?[0-9]{1,3})?") {
        let expected: f64 = text.parse().unwrap();
        let nonzero = text.split('e').next().unwrap().bytes().any(|byte| (b'1'..=b'9').contains(&byte));
        let refused = expected.is_infinite() || (expected == 0.0 && nonzero);
        prop_assert_eq!(parse_f64(text.as_bytes()), (!refused).then_some(expected));
    }

    #[test]
    fn addition_commutes(a: f64, b: f64) {
        prop_assume!(a.is_finite() && b.is_finite());
        let (a, b) = (LongDouble::from_f64(a), LongDouble::from_f64(b));
        prop_assert_eq!(a.checked_add(b), b.checked_add(a));
    }

    #[test]
    fn long_integers_add_exactly(a in -1i64 << 62..1i64 << 62, b in -1i64 << 62..1i64 << 62) {
        let sum = LongDouble::from_i64(a).checked_add(LongDouble::from_i64(b));
        prop_assert_eq!(sum.map(long_text), Some((a + b).to_string()));
    }
}

/// As the standard library's exact printer, which every build had for this.
#[test]
fn measures_with_places() {
    let mut rng = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..20_000_u32 {
        rng ^= rng << 13;
        rng ^= rng >> 7;
        rng ^= rng << 17;
        let value = (rng >> 11) as f64 / 2f64.powi(round as i32 % 90);
        assert_eq!(fixed(value, 2), std::format!("{value:.2}"));
        assert_eq!(fixed(-value, 6), std::format!("{:.6}", -value));
    }
    for value in [0.0, -0.0, 0.005, 0.015, 0.125, 0.375, 1.0, 99.995, 100.0, 1e15, 4.9e-324] {
        assert_eq!(fixed(value, 2), std::format!("{value:.2}"));
        assert_eq!(fixed(value, 3), std::format!("{value:.3}"));
    }
    assert_eq!(fixed(f64::MAX, 2), "1000000000000000000.00");
}
