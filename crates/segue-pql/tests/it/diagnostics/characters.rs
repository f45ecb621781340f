//! Characters, texts and numbers that mean nothing.

use super::{messages, refused};

#[test]
fn an_unknown_character() {
    let found = refused("a = 1 and b # 2");
    insta::assert_snapshot!(found, @r"
    error[SEG0101]: `#` has no meaning here
     --> audience:1:13
      |
    1 | a = 1 and b # 2
      |             ^
      |
      = help: remove it, or put the name that holds it between backticks
    ");
}

#[test]
fn symbols_of_other_languages() {
    let found = refused("a == 1 && b <> 2\n  || c = 3");
    insta::assert_snapshot!(found, @r"
    error[SEG0101]: `==` is no operator here
     --> audience:1:3
      |
    1 | a == 1 && b <> 2
      |   ^^
      |
      = help: write `=`

    error[SEG0101]: `&&` is no operator here
     --> audience:1:8
      |
    1 | a == 1 && b <> 2
      |        ^^
      |
      = help: write `and`

    error[SEG0101]: `<>` is no operator here
     --> audience:1:13
      |
    1 | a == 1 && b <> 2
      |             ^^
      |
      = help: write `!=`

    error[SEG0101]: `||` is no operator here
     --> audience:2:3
      |
    2 |   || c = 3
      |   ^^
      |
      = help: write `or`
    ");
}

#[test]
fn quotes_that_are_not_straight() {
    let found = messages(&["a = 'x' and b = 1", "a = “x y” and b = 1"]);
    insta::assert_snapshot!(found, @r#"
    a = 'x' and b = 1
      1:5 `'` has no meaning here (SEG0101); write texts between straight double quotes: "Sports"
    a = “x y” and b = 1
      1:5 `“` has no meaning here (SEG0101); write texts between straight double quotes: "Sports"
    "#);
}

#[test]
fn texts_and_names_without_an_end() {
    let found = messages(&[r#"a = "x"#, "a = \"x\ny\"", r#"a = "x\"#, "`a = 1"]);
    insta::assert_snapshot!(found, @r#"
    a = "x
      1:5 this text has no end (SEG0102); close it with a double quote on the same line; \n makes a new line
    a = "x
    y"
      1:5 this text has no end (SEG0102); close it with a double quote on the same line; \n makes a new line
      2:2 this text has no end (SEG0102); close it with a double quote on the same line; \n makes a new line
    a = "x\
      1:5 this text has no end (SEG0102); close it with a double quote on the same line; \n makes a new line
    `a = 1
      1:1 this name has no end (SEG0102); close it with a backtick on the same line
    "#);
}

#[test]
fn an_escape_that_stands_for_nothing() {
    let found = refused(r#"a = "\d+""#);
    insta::assert_snapshot!(found, @r#"
    error[SEG0102]: `\d` stands for no character
     --> audience:1:6
      |
    1 | a = "\d+"
      |      ^^
      |
      = help: escapes are \" \\ \/ \n \r \t \b \f and \uXXXX; write \\ for a backslash
    "#);
}

#[test]
fn other_escapes() {
    let found = messages(&[r#"a = "\u12""#, r#"a = "\ud800x""#, r#"a = "\é""#]);
    insta::assert_snapshot!(found, @r#"
    a = "\u12"
      1:6 `\u` stands for no character (SEG0102); escapes are \" \\ \/ \n \r \t \b \f and \uXXXX; write \\ for a backslash
    a = "\ud800x"
      1:6 `\u` stands for no character (SEG0102); escapes are \" \\ \/ \n \r \t \b \f and \uXXXX; write \\ for a backslash
    a = "\é"
      1:6 `\é` stands for no character (SEG0102); escapes are \" \\ \/ \n \r \t \b \f and \uXXXX; write \\ for a backslash
    "#);
}

#[test]
fn numbers() {
    let found = messages(&["a = 9223372036854775808", "a = 1e999", "a[1.5] = 1", "a[1000] = 1"]);
    insta::assert_snapshot!(found, @r"
    a = 9223372036854775808
      1:5 this number is too large (SEG0103); whole numbers go from -9223372036854775808 to 9223372036854775807
    a = 1e999
      1:5 this number is too large (SEG0103); whole numbers go from -9223372036854775808 to 9223372036854775807
    a[1.5] = 1
      1:3 `1.5` is not the number of an item (SEG0103); write digits only, at most 9223372036854775807
    a[1000] = 1
      1:3 the index 1000 is too high (SEG0109); at most 999 is possible
    ");
}
