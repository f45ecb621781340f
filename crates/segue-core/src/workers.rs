//! Who does the work that can be done side by side.

/// Does several things, side by side if it can.
///
/// The core starts no threads. Whoever has some lends them with this; what comes out is the same
/// for any number of workers, and for any order in which they get to things.
pub trait Workers: Sync {
    /// Into how many shards so many equal things are best parted: 1 where handing them over costs
    /// more than it saves.
    fn shards(&self, things: usize) -> usize;

    /// How many of so many things a shard has, at least 1.
    fn shard_size(&self, things: usize) -> usize {
        things.div_ceil(self.shards(things).max(1)).max(1)
    }

    /// Does `work` with each item, in any order, and returns when all of it is done.
    fn each<T: Send>(&self, items: &mut [T], work: impl Fn(&mut T) + Sync);
}

/// Does one thing after the other, in their order.
#[derive(Clone, Copy, Default, Debug)]
pub struct InTurn;

impl Workers for InTurn {
    fn shards(&self, _: usize) -> usize {
        1
    }

    fn each<T: Send>(&self, items: &mut [T], work: impl Fn(&mut T) + Sync) {
        items.iter_mut().for_each(work);
    }
}
