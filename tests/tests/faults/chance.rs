//! Random numbers that a seed repeats.

/// Random numbers. `CA_TESTS_SEED` repeats those of an earlier run.
pub(crate) struct Chance(u64);

impl Chance {
    /// Takes the seed that was chosen, or draws one; prints it either way.
    pub(crate) fn of_this_run() -> Self {
        let chosen = std::env::var("CA_TESTS_SEED").ok();
        let seed = chosen.map_or_else(random_seed, |seed| seed.parse().expect("a number"));
        println!("CA_TESTS_SEED={seed}");
        Self(seed)
    }

    /// Draws a number below `end` (SplitMix64).
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Draws a number of octets.
    pub(crate) fn octets(&mut self, length: usize) -> Vec<u8> {
        let words = std::iter::repeat_with(|| self.next().to_be_bytes());
        words.flatten().take(length).collect()
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn random_seed() -> u64 {
    let mut octets = [0; 8];
    aws_lc_rs::rand::fill(&mut octets).unwrap();
    u64::from_be_bytes(octets)
}
