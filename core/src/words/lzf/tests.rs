//! Against redis-server 7.0.15: each row is a generated string, the length of its DUMP payload and that payload's
//! checksum, so an equal checksum means equal compressed bytes.

use super::{Compressor, decompress};
use crate::words::crc64::crc64;
use std::vec::Vec;

/// Random bytes below `alphabet`; with probability `repeat`/256 a run from up to 9000 bytes earlier instead.
fn generate(seed: u64, len: usize, alphabet: u64, repeat: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut out: Vec<u8> = Vec::new();
    while out.len() < len {
        if !out.is_empty() && next() % 256 < repeat {
            let back = next() as usize % out.len().min(9000) + 1;
            for _ in 0..next() % 300 + 1 {
                if out.len() < len {
                    out.push(out[out.len() - back]);
                }
            }
        } else {
            out.push((next() % alphabet) as u8);
        }
    }
    out
}

fn push_len(out: &mut Vec<u8>, len: usize) {
    match len {
        0..64 => out.push(len as u8),
        64..16384 => out.extend_from_slice(&(0x4000 | len as u16).to_be_bytes()),
        _ => {
            out.push(0x80);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

#[test]
fn compresses_as_the_reference_does() {
    let mut compressor = Compressor::default();
    for &(seed, len, alphabet, repeat, payload_len, crc) in ROWS {
        let input = generate(seed, len, alphabet, repeat);
        let mut packed = Vec::new();
        let mut payload = std::vec![0];
        if compressor.compress(&input, len - 4, &mut packed).is_some() {
            payload.push(0xc3);
            push_len(&mut payload, packed.len());
            push_len(&mut payload, len);
            payload.extend_from_slice(&packed);
            let mut back = Vec::new();
            assert!(decompress(&packed, len, &mut back), "seed {seed}");
            assert_eq!(back, input, "seed {seed}");
        } else {
            push_len(&mut payload, len);
            payload.extend_from_slice(&input);
        }
        payload.extend_from_slice(&10_u16.to_le_bytes());
        assert_eq!(payload.len() + 8, payload_len, "seed {seed}");
        assert_eq!(crc64(0, &payload), crc, "seed {seed}");
    }
}

#[test]
fn a_small_table_loses_ratio_only() {
    let mut compressor = Compressor::new(6);
    for &(seed, len, alphabet, repeat, ..) in ROWS {
        let input = generate(seed, len, alphabet, repeat);
        let mut packed = std::vec![7];
        if let Some(n) = compressor.compress(&input, len - 4, &mut packed) {
            assert_eq!(packed.len(), n + 1);
            let mut back = std::vec![9];
            assert!(decompress(&packed[1..], len, &mut back));
            assert_eq!(back[1..], input);
        } else {
            assert_eq!(packed, [7]);
        }
    }
}

/// Positions of earlier strings must not look like matches after the base has wrapped.
#[test]
fn the_base_wraps() {
    let input = generate(9, 5000, 4, 0);
    let mut fresh = Vec::new();
    Compressor::default().compress(&input, 5000, &mut fresh);
    let mut compressor = Compressor::default();
    compressor.compress(&input, 5000, &mut Vec::new());
    compressor.base = u32::MAX - 6000;
    for _ in 0..3 {
        let mut packed = Vec::new();
        compressor.compress(&input, 5000, &mut packed);
        assert_eq!(packed, fresh);
    }
}

#[test]
fn damaged_streams_are_refused() {
    let mut out = Vec::new();
    for (bytes, len) in [
        (&b"\x05abc"[..], 6),   // literals cut off
        (b"\x00a\x20", 4),      // distance cut off
        (b"\x00a\xe0", 4),      // length cut off
        (b"\x00a\x20\x01", 4),  // before the start
        (b"\x20\x00", 3),       // a match with nothing before it
        (b"\x00a\x40\x00", 4),  // longer than said
        (b"\x00a\x20\x00", 5),  // shorter than said
        (b"\x00a", usize::MAX), // a lie about the length
    ] {
        assert!(!decompress(bytes, len, &mut out), "{bytes:?}");
        assert!(out.is_empty());
    }
    assert!(decompress(b"\x00a\x20\x00", 4, &mut out));
    assert_eq!(out, b"aaaa");
}

#[rustfmt::skip]
const ROWS: &[(u64, usize, u64, u64, usize, u64)] = &[
    (1, 21, 1, 0, 20, 0x8ca805bc0db76eda),
    (2, 21, 2, 0, 33, 0x7c268be7e5293bc7),
    (3, 21, 4, 0, 33, 0x72d0840b5d946c0a),
    (4, 21, 16, 0, 33, 0x7cf2aabe4a712e63),
    (5, 21, 256, 0, 33, 0x35fd0710fad95418),
    (6, 21, 256, 2, 33, 0x71f073d7608300a7),
    (7, 21, 256, 20, 24, 0x751bbcc7e47939a0),
    (8, 21, 40, 60, 20, 0x12ac1f536fc7d825),
    (9, 22, 1, 0, 22, 0x421f7e7c9ce3a97e),
    (10, 22, 2, 0, 34, 0x8d85f2b95a31b48c),
    (11, 22, 4, 0, 34, 0x4e88f8a46ddcc270),
    (12, 22, 16, 0, 34, 0x54e163c9328e1357),
    (13, 22, 256, 0, 34, 0x5d58cd98233300a6),
    (14, 22, 256, 2, 34, 0x20a1fe42ecf2e90d),
    (15, 22, 256, 20, 34, 0x8fb991ac1c3c135f),
    (16, 22, 40, 60, 22, 0x3bc6022c60491463),
    (17, 23, 1, 0, 23, 0x1c44bb5371851008),
    (18, 23, 2, 0, 35, 0x97564b2bd7c876d8),
    (19, 23, 4, 0, 35, 0x6f753fd790aa079f),
    (20, 23, 16, 0, 35, 0xafd9fc5ea803df90),
    (21, 23, 256, 0, 35, 0xb98e8aacaf81d19a),
    (22, 23, 256, 2, 35, 0xd6ad8565fdde813a),
    (23, 23, 256, 20, 22, 0xf5cc959c462b285f),
    (24, 23, 40, 60, 23, 0x71f8f2daadcd48c6),
    (25, 24, 1, 0, 23, 0x8ab054f59c7cf5a1),
    (26, 24, 2, 0, 36, 0xc8bd174fe6437b30),
    (27, 24, 4, 0, 36, 0xc993f30d3040e335),
    (28, 24, 16, 0, 36, 0x7fcfe7c86c988faa),
    (29, 24, 256, 0, 36, 0x67085d768320e542),
    (30, 24, 256, 2, 36, 0x4d7bd1a086345b9f),
    (31, 24, 256, 20, 36, 0x54bded1c9cf8ed2d),
    (32, 24, 40, 60, 23, 0x6c5d019c2d39c2a6),
    (33, 25, 1, 0, 23, 0x9c75aae55ff62429),
    (34, 25, 2, 0, 32, 0x98cd43240aed1cf0),
    (35, 25, 4, 0, 37, 0xf99ed53e380f9b1c),
    (36, 25, 16, 0, 37, 0xe6da19c7fe873fcb),
    (37, 25, 256, 0, 37, 0x1f4bbd0cd6774134),
    (38, 25, 256, 2, 37, 0xf2e203c51f637d45),
    (39, 25, 256, 20, 25, 0xe560d6cfe6a01a86),
    (40, 25, 40, 60, 25, 0xe4f370c9a336d571),
    (41, 30, 1, 0, 23, 0x948dd555e4eddabc),
    (42, 30, 2, 0, 36, 0x5bd29f918888a364),
    (43, 30, 4, 0, 42, 0x24f6fd80f028c70f),
    (44, 30, 16, 0, 42, 0xbcd79611120e199b),
    (45, 30, 256, 0, 42, 0x2b35461e36d6d633),
    (46, 30, 256, 2, 42, 0x815d42fb3f9cc67c),
    (47, 30, 256, 20, 42, 0x4d4abe1229ead706),
    (48, 30, 40, 60, 23, 0xc9c3c6aaa73339b4),
    (49, 40, 1, 0, 23, 0x327594d0f5bea036),
    (50, 40, 2, 0, 45, 0xae12b5b4d4ab6469),
    (51, 40, 4, 0, 52, 0xbd157ec4b18f48e2),
    (52, 40, 16, 0, 52, 0xc6f51b48189fd3a8),
    (53, 40, 256, 0, 52, 0xa20f6a75764cbb86),
    (54, 40, 256, 2, 52, 0x3d7b217e76b570b9),
    (55, 40, 256, 20, 46, 0x5b2ead6a60d52f08),
    (56, 40, 40, 60, 34, 0xed67f3806abd1110),
    (57, 63, 1, 0, 23, 0xe49039159ec51d3e),
    (58, 63, 2, 0, 49, 0x9be3b394164a33f1),
    (59, 63, 4, 0, 75, 0xabec9a33e32de159),
    (60, 63, 16, 0, 75, 0x13c2989200736018),
    (61, 63, 256, 0, 75, 0x0def46f311c500b1),
    (62, 63, 256, 2, 75, 0x1f608738300a24cb),
    (63, 63, 256, 20, 28, 0xb38d14684a98c3db),
    (64, 63, 40, 60, 38, 0x9dbfb7f2b13e02d5),
    (65, 64, 1, 0, 24, 0x4332adb04d07cc3a),
    (66, 64, 2, 0, 50, 0x6c7b7c2d3881c903),
    (67, 64, 4, 0, 77, 0x09c822a1db04e679),
    (68, 64, 16, 0, 77, 0x30d4edc4ef4198bb),
    (69, 64, 256, 0, 77, 0x5569f63618380638),
    (70, 64, 256, 2, 51, 0x1380331376f6d695),
    (71, 64, 256, 20, 24, 0x2c58cb7620f5ba81),
    (72, 64, 40, 60, 27, 0x6735c604c1fb2d61),
    (73, 65, 1, 0, 24, 0x55f753a08e8d1db2),
    (74, 65, 2, 0, 57, 0x08602cedeec7bdc0),
    (75, 65, 4, 0, 70, 0xfd306d89ab5763f4),
    (76, 65, 16, 0, 78, 0x31721a985172290d),
    (77, 65, 256, 0, 78, 0x37baebc7d73046dc),
    (78, 65, 256, 2, 78, 0x3a91d8e32db893be),
    (79, 65, 256, 20, 24, 0xeda6dcb47e95a13a),
    (80, 65, 40, 60, 29, 0xd0cd361bb83e75ae),
    (81, 100, 1, 0, 24, 0x5e04dcce58240a11),
    (82, 100, 2, 0, 70, 0x2ada6e69b72d8959),
    (83, 100, 4, 0, 102, 0xba8ce170b6b3b874),
    (84, 100, 16, 0, 113, 0x3d1e43284668345f),
    (85, 100, 256, 0, 113, 0xea446a68fa4a517f),
    (86, 100, 256, 2, 78, 0x28878e42c713d972),
    (87, 100, 256, 20, 47, 0x67b5ccb48a99d39d),
    (88, 100, 40, 60, 26, 0xcb7fcbe7d6764091),
    (89, 128, 1, 0, 24, 0xf697e1835b21bcb0),
    (90, 128, 2, 0, 86, 0x973bb5d90ba75f5a),
    (91, 128, 4, 0, 122, 0xea6348a4a3d7a4ae),
    (92, 128, 16, 0, 141, 0xd13aa433a7ea5dcf),
    (93, 128, 256, 0, 141, 0x83dd615e2798ec50),
    (94, 128, 256, 2, 83, 0xb0d36b6e79059c67),
    (95, 128, 256, 20, 33, 0x38422b041d09aa19),
    (96, 128, 40, 60, 25, 0x50972d61cb7cc789),
    (97, 200, 1, 0, 24, 0xccfb037f716630e6),
    (98, 200, 2, 0, 126, 0xd763cd23cc5c5b15),
    (99, 200, 4, 0, 168, 0x8c7e72b210a26b71),
    (100, 200, 16, 0, 213, 0xc3af56f92693488d),
    (101, 200, 256, 0, 213, 0x11a704ed52356f90),
    (102, 200, 256, 2, 42, 0xd01dbe793256cbd1),
    (103, 200, 256, 20, 25, 0x9ca66f9b5aa49f76),
    (104, 200, 40, 60, 26, 0x2431ee4d3c8b16e2),
    (105, 255, 1, 0, 24, 0xe5dda9c013e55392),
    (106, 255, 2, 0, 154, 0xa567031097a821f3),
    (107, 255, 4, 0, 199, 0xd52c0f79dd5ae6b0),
    (108, 255, 16, 0, 268, 0xdc5ca49e0ae89241),
    (109, 255, 256, 0, 268, 0x9d35c65ebdd4b5c3),
    (110, 255, 256, 2, 268, 0x0627ac353161d9ad),
    (111, 255, 256, 20, 41, 0x52e1337d72c30e14),
    (112, 255, 40, 60, 52, 0x08ed4b25501c4945),
    (113, 256, 1, 0, 24, 0x012c3f1dacf18364),
    (114, 256, 2, 0, 147, 0xc424502df0be10cc),
    (115, 256, 4, 0, 204, 0x53be74f7c6abc545),
    (116, 256, 16, 0, 269, 0xc37e98e1d084cb5e),
    (117, 256, 256, 0, 269, 0x180e812931ad1c11),
    (118, 256, 256, 2, 124, 0x01a71b58243d25a6),
    (119, 256, 256, 20, 36, 0x7bf341ab4ed4c313),
    (120, 256, 40, 60, 34, 0xcfcf1419550cd1b8),
    (121, 257, 1, 0, 24, 0x17e9c10d6f7b52ec),
    (122, 257, 2, 0, 157, 0x7b425520be5847fd),
    (123, 257, 4, 0, 195, 0xf0151d647210e44b),
    (124, 257, 16, 0, 270, 0x45e219d8217568bd),
    (125, 257, 256, 0, 270, 0xff686b2a6c6acf08),
    (126, 257, 256, 2, 270, 0x1c12d4018f805189),
    (127, 257, 256, 20, 76, 0x726eadf49ee922cb),
    (128, 257, 40, 60, 36, 0x164c8234cc9743a8),
    (129, 300, 1, 0, 27, 0x62250319696205a4),
    (130, 300, 2, 0, 180, 0xdc39affd61f46fc3),
    (131, 300, 4, 0, 235, 0xb56826529fb7bb2a),
    (132, 300, 16, 0, 313, 0x55037d6f111529e3),
    (133, 300, 256, 0, 313, 0x306f4cf22bbc152a),
    (134, 300, 256, 2, 313, 0x18b723d30a2433d1),
    (135, 300, 256, 20, 28, 0xe44c52201a163612),
    (136, 300, 40, 60, 36, 0x7c4e769fc75b2e50),
    (137, 700, 1, 0, 30, 0x9896aba190c00bb5),
    (138, 700, 2, 0, 385, 0xcdee1b511e5f73c7),
    (139, 700, 4, 0, 473, 0xcdf91802b6021423),
    (140, 700, 16, 0, 713, 0xe9e766850e58797a),
    (141, 700, 256, 0, 713, 0xddac51cb3bd91704),
    (142, 700, 256, 2, 594, 0xe1a3f7e0f8774d8e),
    (143, 700, 256, 20, 102, 0xd02ac57ddeefe790),
    (144, 700, 40, 60, 47, 0xe5d16b986414793b),
    (145, 1000, 1, 0, 33, 0x6384ec941eb359b6),
    (146, 1000, 2, 0, 526, 0x8113d5cc2a1b2901),
    (147, 1000, 4, 0, 664, 0x0f0f5ac6afc6cf6e),
    (148, 1000, 16, 0, 1005, 0x576b3ff0563e7764),
    (149, 1000, 256, 0, 1013, 0xcd784a097c25e446),
    (150, 1000, 256, 2, 883, 0xdd766117ff6f9ee0),
    (151, 1000, 256, 20, 179, 0xe7582cd501576666),
    (152, 1000, 40, 60, 44, 0xc2927263b99a7de6),
    (153, 1500, 1, 0, 39, 0x88c2ff38e2737341),
    (154, 1500, 2, 0, 770, 0xa3bbea1d49c72eb2),
    (155, 1500, 4, 0, 950, 0x6fddb9aeb716499f),
    (156, 1500, 16, 0, 1472, 0x04a737f30ef50e50),
    (157, 1500, 256, 0, 1513, 0x3543e42f712df3f7),
    (158, 1500, 256, 2, 903, 0x4d0a39a98b8bd2b6),
    (159, 1500, 256, 20, 192, 0xafbef4ce9335c8a7),
    (160, 1500, 40, 60, 98, 0xff755cc996a4a3fe),
    (161, 4096, 1, 0, 69, 0xa78f0c6c0dc87603),
    (162, 4096, 2, 0, 2088, 0x9ebe26a2433a32e3),
    (163, 4096, 4, 0, 2517, 0xfcc3b61c6cdacd68),
    (164, 4096, 16, 0, 3734, 0xa7d8721838bef9b2),
    (165, 4096, 256, 0, 4109, 0xfc379609cd04af56),
    (166, 4096, 256, 2, 2315, 0xb6284ebcd022e24e),
    (167, 4096, 256, 20, 563, 0xd4e992b21e38fea5),
    (168, 4096, 40, 60, 214, 0x5f25278c8d523eb2),
    (169, 9000, 1, 0, 127, 0xfa52607604002467),
    (170, 9000, 2, 0, 4582, 0x997634a5f2bfa232),
    (171, 9000, 4, 0, 5431, 0x4f0eb12221adcd69),
    (172, 9000, 16, 0, 7456, 0x8276325256d702b4),
    (173, 9000, 256, 0, 9013, 0xe9c8a4e4804249ec),
    (174, 9000, 256, 2, 4596, 0x18a6d6b2adb28b46),
    (175, 9000, 256, 20, 1209, 0x49694d8589fc0b81),
    (176, 9000, 40, 60, 1021, 0xad3e3503ad02a86f),
    (177, 20000, 1, 0, 253, 0xcb223cd255140929),
    (178, 20000, 2, 0, 10043, 0x9ac282ea1becb276),
    (179, 20000, 4, 0, 12067, 0x60567211b60c159a),
    (180, 20000, 16, 0, 15180, 0x408be99134894b0e),
    (181, 20000, 256, 0, 20016, 0xf592ce3e86bb46ee),
    (182, 20000, 256, 2, 9818, 0x6809e67664b1cca3),
    (183, 20000, 256, 20, 3166, 0x8f8232af0e0a2331),
    (184, 20000, 40, 60, 2025, 0xc452ccc705dcbff7),
    (185, 70000, 1, 0, 823, 0xde4c6edc87738ce2),
    (186, 70000, 2, 0, 35395, 0x4af516ce44152a96),
    (187, 70000, 4, 0, 41987, 0xf3b928de5ff95609),
    (188, 70000, 16, 0, 50768, 0x3b63e673e6441d88),
    (189, 70000, 256, 0, 70016, 0xd3f75f7223aa72f0),
    (190, 70000, 256, 2, 36716, 0x126906154e5a79ef),
    (191, 70000, 256, 20, 11947, 0xb98098c148ad07f5),
    (192, 70000, 40, 60, 8102, 0x66976dc867c9d948),
];
