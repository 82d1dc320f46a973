//! Pictures with few colours, which are a third as large (<https://www.w3.org/TR/png-3/>).

use std::collections::HashMap;
use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// How many colours are kept, the most frequent ones; each other becomes the nearest of them.
const COLOURS: usize = 128;

type Colour = [u8; 3];

/// The same picture, of what the browser makes: 8 bits a channel, without transparency.
pub fn small(png: &[u8]) -> Vec<u8> {
    let (mut head, mut packed) = (&png[..0], Vec::new());
    let mut rest = &png[8..];
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest[..4].try_into().expect("four")) as usize;
        match &rest[4..8] {
            b"IHDR" => head = &rest[8..8 + length],
            b"IDAT" => packed.extend_from_slice(&rest[8..8 + length]),
            _ => {}
        }
        rest = &rest[12 + length..];
    }
    assert_eq!(head[8..], [8, 2, 0, 0, 0], "true colour, not interlaced");
    let width = u32::from_be_bytes(head[..4].try_into().expect("four")) as usize;
    let mut bytes = Vec::new();
    ZlibDecoder::new(&*packed).read_to_end(&mut bytes).expect("whole");
    let lines = unfiltered(&bytes, width * 3);

    let mut counts: HashMap<Colour, usize> = HashMap::new();
    let colour = |pixel: &[u8]| -> Colour { pixel.try_into().expect("three") };
    for pixel in lines.iter().flat_map(|line| line.chunks(3)) {
        *counts.entry(colour(pixel)).or_default() += 1;
    }
    let mut palette: Vec<Colour> = counts.keys().copied().collect();
    palette.sort_by_key(|it| (std::cmp::Reverse(counts[it]), *it));
    palette.truncate(COLOURS);
    let far = |a: &Colour, b: &Colour| -> u32 {
        a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
    };
    let nearest = |it: &Colour| {
        let nearest = (0..palette.len()).min_by_key(|n| far(&palette[*n], it));
        u8::try_from(nearest.expect("a colour")).expect("a byte")
    };
    let indices: HashMap<Colour, u8> = counts.keys().map(|it| (*it, nearest(it))).collect();

    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    for line in &lines {
        let line: Vec<u8> = line.chunks(3).map(|pixel| indices[&colour(pixel)]).collect();
        packed.write_all(&[0]).and_then(|()| packed.write_all(&line)).expect("packed");
    }
    let mut made = png[..8].to_vec();
    chunk(&mut made, *b"IHDR", &[&head[..8], &[8, 3, 0, 0, 0]].concat());
    chunk(&mut made, *b"PLTE", &palette.concat());
    chunk(&mut made, *b"IDAT", &packed.finish().expect("packed"));
    chunk(&mut made, *b"IEND", &[]);
    made
}

fn chunk(png: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    png.extend(u32::try_from(data.len()).expect("short").to_be_bytes());
    let from = png.len();
    png.extend(name);
    png.extend(data);
    let mut sum = flate2::Crc::new();
    sum.update(&png[from..]);
    png.extend(sum.sum().to_be_bytes());
}

/// Each line's pixels, of lines that are told by their differences.
fn unfiltered(bytes: &[u8], length: usize) -> Vec<Vec<u8>> {
    let mut above = vec![0; length];
    let mut lines = Vec::new();
    for part in bytes.chunks(length + 1) {
        let mut line = part[1..].to_vec();
        for x in 0..length {
            let (a, c) = if x < 3 { (0, 0) } else { (line[x - 3], above[x - 3]) };
            let b = above[x];
            line[x] = line[x].wrapping_add(match part[0] {
                0 => 0,
                1 => a,
                2 => b,
                3 => a.midpoint(b),
                _ => paeth(a, b, c),
            });
        }
        above.clone_from(&line);
        lines.push(line);
    }
    lines
}

fn paeth(a: u8, b: u8, c: u8) -> u8 {
    let guess = i16::from(a) + i16::from(b) - i16::from(c);
    let off = |it: u8| guess.abs_diff(i16::from(it));
    // The first of the nearest.
    [a, b, c].into_iter().min_by_key(|it| off(*it)).expect("three")
}
