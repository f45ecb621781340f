//! Arithmetic on numbers.
//!
//! Whole numbers give a whole one where there is an exact one that is not too large: `4 / 2` is 2,
//! `7 / 2` is 3.5. The remainder has the sign of the dividend, as in Java. What has no result has
//! none: division by zero, a result too large for a double, an operand that is no number.

use crate::expression::Arithmetic;
use crate::value::Scalar;

/// The result; `None` where there is none.
pub(crate) fn calculate<'a>(
    operator: Arithmetic,
    left: Scalar<'_>,
    right: Scalar<'_>,
) -> Option<Scalar<'a>> {
    if let (Scalar::Whole(left), Scalar::Whole(right)) = (left, right)
        && let Some(result) = exact(operator, left, right)
    {
        return Some(Scalar::Whole(result));
    }
    let (left, right) = (decimal(left)?, decimal(right)?);
    let result = match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => left % right,
    };
    result.is_finite().then_some(Scalar::Decimal(result))
}

fn exact(operator: Arithmetic, left: i128, right: i128) -> Option<i128> {
    match operator {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Subtract => left.checked_sub(right),
        Arithmetic::Multiply => left.checked_mul(right),
        Arithmetic::Divide if left.checked_rem(right) == Some(0) => left.checked_div(right),
        Arithmetic::Divide => None,
        Arithmetic::Remainder => left.checked_rem(right),
    }
}

fn decimal(scalar: Scalar<'_>) -> Option<f64> {
    match scalar {
        Scalar::Whole(whole) => Some(whole as f64),
        Scalar::Decimal(decimal) => Some(decimal),
        Scalar::Boolean(_) | Scalar::Text(_) | Scalar::Moment(_) => None,
    }
}
