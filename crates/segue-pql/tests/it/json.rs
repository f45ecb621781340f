//! `pql/json`: Adobe's own samples, the way there and back, and mistakes with their places.

use segue_pql::{from_json, to_json};
use serde_json::json;

use super::sound;

#[track_caller]
fn messages(json: serde_json::Value) -> String {
    let found = from_json(&json).unwrap_err();
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn samples_of_adobe() {
    let profile = json!({"nodeType": "literal", "literalType": "XDMObject", "value": "profile"});
    for (json, text) in [
        (
            json!({"nodeType": "fnApply", "fnName": "=", "params": [
                {"nodeType": "fieldLookup", "fieldName": "country", "object": {
                    "nodeType": "fieldLookup", "fieldName": "workAddress", "object":
                        {"nodeType": "parameterReference", "position": 1}}},
                {"nodeType": "literal", "literalType": "String", "value": "US"}]}),
            "workAddress.country = \"US\"",
        ),
        (
            json!({"nodeType": "fnApply", "fnName": "in", "params": [
                {"nodeType": "fieldLookup", "fieldName": "gender", "object": {
                    "nodeType": "fieldLookup", "fieldName": "person", "object": profile}},
                {"nodeType": "literal", "literalType": "List", "value": ["female"]}]}),
            "person.gender in [\"female\"]",
        ),
        (
            json!({"nodeType": "select", "variables": [{
                "nodeType": "varDecl", "varName": "_Checkouts1",
                "from": {"nodeType": "fieldLookup", "fieldName": "xEvent", "object": profile},
                "where": {"nodeType": "fnApply", "fnName": "equals", "params": [
                    {"nodeType": "fieldLookup", "fieldName": "eventType", "object":
                        {"nodeType": "varRef", "varName": "_Checkouts1"}},
                    {"nodeType": "literal", "literalType": "String", "value": "commerce.checkouts"},
                    {"nodeType": "literal", "literalType": "Boolean", "value": true}]}}]}),
            "xEvent.exists(eventType = \"commerce.checkouts\")",
        ),
    ] {
        assert_eq!(from_json(&json).unwrap().source(), text);
    }
}

#[test]
fn a_definition_as_json() {
    let json = to_json(&sound("items[^n > price].count() > 1 and a occurs < 3 days before now"));
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap(), @r#"
    {
      "fnName": "and",
      "nodeType": "fnApply",
      "params": [
        {
          "fnName": ">",
          "nodeType": "fnApply",
          "params": [
            {
              "fnName": "count",
              "nodeType": "fnApply",
              "params": [
                {
                  "fnName": "filter",
                  "nodeType": "fnApply",
                  "params": [
                    {
                      "fieldName": "items",
                      "nodeType": "fieldLookup",
                      "object": {
                        "nodeType": "parameterReference",
                        "position": 1
                      }
                    },
                    {
                      "body": {
                        "fnName": ">",
                        "nodeType": "fnApply",
                        "params": [
                          {
                            "fieldName": "n",
                            "nodeType": "fieldLookup",
                            "object": {
                              "nodeType": "parameterReference",
                              "position": 1
                            }
                          },
                          {
                            "fieldName": "price",
                            "nodeType": "fieldLookup",
                            "object": {
                              "nodeType": "varRef",
                              "varName": "x1"
                            }
                          }
                        ]
                      },
                      "nodeType": "lambda",
                      "varName": "x1"
                    }
                  ]
                }
              ]
            },
            {
              "literalType": "Integer",
              "nodeType": "literal",
              "value": 1
            }
          ]
        },
        {
          "moment": {
            "fieldName": "a",
            "nodeType": "fieldLookup",
            "object": {
              "nodeType": "parameterReference",
              "position": 1
            }
          },
          "nodeType": "occurs",
          "occurrence": {
            "amount": 3,
            "anchor": {
              "nodeType": "moment",
              "value": "now"
            },
            "comparison": "<",
            "direction": "before",
            "unit": "day"
          }
        }
      ]
    }
    "#);
}

#[test]
fn nothing_is_lost_on_the_way_there_and_back() {
    for definition in [
        "a.b[0].c = 1 and b != -1.5 or not c in [\"x\", 1, 2.0, true]",
        "a occurs != 2 weeks after b.c and a != date(2020, 2, 3) and a occurs last month",
        "a <= now and a >= today and b occurs between \"2020-01-01T00:00:00Z\" and tomorrow",
        "a like \"x%\" and a.contains(b, false) and a.matches(\"(?i)x\") and a.isNull()",
        "a.regexGroup(\"(a)\") = \"a\" and a.b.groupBy(c).map((g) => g.count()).includes(3)",
        "forall e from xEvent where e.a = 1 and exists e from xEvent",
        "exists e from xEvent where (e.a = 1), i from e.items where i.b = e.b",
        "let S = (sum X.p over X from xEvent where X.c = 1) in (S > 1 and S < 5)",
        "xEvent.filter(^person.a = 1).topN(price, 3).head().sku = \"x\"",
        "if(a = 1, b, c) % 2 = -d and inSegment(\"x\") and currentMonth() = a.getMonth()",
        "CHAIN(xEvent, timestamp, [A: WHAT(x = 1 and items.exists(sku = A.sku)) WHEN(this week), \
         B: WHAT(y = A.y) WITHIN(90 minutes) COUNT(<= 2), C: WHAT(z = 1) WHEN(< 1 day before now)])",
    ] {
        let expression = sound(definition);
        let again = from_json(&to_json(&expression)).unwrap();
        assert_eq!(again.source(), expression.to_string());
        assert_eq!(to_json(&again), to_json(&expression));
    }
}

#[test]
fn mistakes_have_a_pointer() {
    let field = json!({"nodeType": "fieldLookup", "fieldName": "a",
                       "object": {"nodeType": "parameterReference", "position": 1}});
    let found = messages(json!({"nodeType": "fnApply", "fnName": "and", "params": [
        field,
        {"nodeType": "fnApply", "fnName": "=", "params": [field, {"nodeType": "lateral"}]},
        {"nodeType": "fnApply", "fnName": "equal", "params": [field, field]},
        {"nodeType": "fieldLookup", "object": field},
        5,
        {"nodeType": "fnApply", "fnName": "in", "params": []},
        {"nodeType": "occurs", "moment": field, "occurrence": {"unit": "day", "offset": 5}},
    ]}));
    insta::assert_snapshot!(found, @r#"
    a field alone is no condition at `/params/0` (SEG0107); compare it, such as field = true, or write field.exists()
    there is no node type `lateral` at `/params/1/params/1` (SEG0104); did you mean `literal`?
    there is no method `equal` at `/params/2` (SEG0105); did you mean `equals`?
    the key `fieldName` of this node is not a text at `/params/3` (SEG0104); docs/pql/json.md lists the nodes and their keys
    a node is an object at `/params/4` (SEG0104); write {"nodeType": …}
    `in` is applied to nothing at `/params/5` (SEG0104); write its params
    the key `unit` of this node is not a unit of the calendar, this, last or next at `/params/6` (SEG0104); docs/pql/json.md lists the nodes and their keys
    "#);
}

#[test]
fn deep_json_is_refused() {
    let mut json = json!({"nodeType": "parameterReference", "position": 1});
    for _ in 0..500 {
        json = json!({"nodeType": "fnApply", "fnName": "not", "params": [json]});
    }
    assert!(messages(json).contains("SEG0109"));
}
