//! Texts of what has a meaning somewhere between a lab file and a node.

use proptest::prelude::*;

/// What has a meaning somewhere between a lab file and a node.
const FRAGMENTS: [&str; 38] = [
    "%end\n",
    "\n%end",
    "%include /etc/passwd\n",
    "  %ksappend x\n",
    "%post\n",
    "EOF\n",
    "\nEOF_\n",
    "$(id)",
    "`id`",
    "${HOME}",
    "$",
    "'",
    "\"",
    "\\",
    "\\\n",
    "\n",
    "\n\n",
    "\t",
    "  ",
    " \n",
    "\r\n",
    "\r",
    "한글",
    "שלום\u{202e}abc",
    "\u{feff}",
    "\u{1F600}",
    "\u{85}",
    "\u{7}",
    "\u{0}",
    "# trainyard: secrets begin\n",
    "# trainyard: secrets end\n",
    "@SECRET_RABBIT_PASS@",
    "{{ x }}",
    "{% raw %}",
    "---\n",
    "!replace",
    ": &a *a #",
    ";",
];

pub fn hostile() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        3 => prop::sample::select(&FRAGMENTS[..]).prop_map(str::to_owned),
        1 => "[ -~]{1,8}",
        1 => "\\PC{1,4}",
    ];
    prop::collection::vec(fragment, 0..6).prop_map(|parts| parts.concat())
}
