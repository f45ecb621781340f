//! Lists in order, to which nearly everything that comes in comes last.

/// Puts an item behind all that come before it. The end is looked at first: the middle of a long
/// list has seldom been read of late, and costs more than all else that an event does.
pub(crate) fn insert<T>(list: &mut Vec<T>, item: T, is_before: impl Fn(&T, &T) -> bool) {
    if list.last().is_none_or(|last| is_before(last, &item)) {
        list.push(item);
        return;
    }
    let place = list.partition_point(|other| is_before(other, &item));
    list.insert(place, item);
}

#[cfg(test)]
mod tests {
    #[test]
    fn items_come_in_order_and_equal_ones_the_newest_first() {
        let mut list = Vec::new();
        for item in [(5, 'a'), (7, 'b'), (1, 'c'), (5, 'd')] {
            super::insert(&mut list, item, |one, other| one.0 < other.0);
        }
        assert_eq!(list, [(1, 'c'), (5, 'd'), (5, 'a'), (7, 'b')]);
    }
}
