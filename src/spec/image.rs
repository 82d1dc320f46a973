//! The images that nodes are made from: the installation medium, and the cloud image.

use super::decode::{Decode, OneOrMany, Spanned, record};
use super::files::{Reader, TextFile};
use super::shape::Shape;
use super::tree::{Node, Value};
use crate::report::Rule;

record! {
    /// An installation medium, and what is known about it.
    ImageFields {
        /// A known one: a name of `trainyard image list`.
        name: String = "centos-7.9-minimal",
        /// A file.
        path: String = "CentOS-7-x86_64-Minimal-2009.iso",
        /// A download.
        url: String = "https://example.org/CentOS-7-x86_64-Minimal-2009.iso",
        /// Its SHA-256.
        sha256: String = "07b94e6b1a0b0260b94c83d6bb76b26bf7a310dc78d7a9c7432809fb9bc6194a"
            else "of a known one, what trainyard knows; of a download, what the signed list beside it says",
        /// Its size in bytes.
        size: u64 = "1020264448" else "of a known one, what trainyard knows",
        /// Its ISO 9660 volume id.
        volume_id: String = "CentOS 7 x86_64" else "of a known one, what trainyard knows",
        /// Mirrors that are asked first for a known one, before those of `mirror` and those that trainyard knows; each holds the
        /// folder `7.9.2009`.
        mirrors: OneOrMany<String> = "[https://vault.centos.org]",
        /// The public key that signed the list of digests beside it.
        key: TextFile = "lab.asc" else "CentOS 7's",
    }
}

record! {
    /// A cloud image, and what is known about it.
    CloudImageFields {
        /// A known one: a name of `trainyard image list`.
        name: String = "centos-7.9-genericcloud",
        /// A file, in the format qcow2.
        path: String = "CentOS-7-x86_64-GenericCloud-2211.qcow2",
        /// A download.
        url: String = "https://example.org/CentOS-7-x86_64-GenericCloud-2211.qcow2",
        /// Its SHA-256.
        sha256: String = "284aab2b23d91318f169ff464bce4d53404a15a0618ceb34562838c59af4adea"
            else "of a known one, what trainyard knows; of a download, what the signed list beside it says",
        /// Its size in bytes.
        size: u64 = "902889472" else "of a known one, what trainyard knows",
        /// Mirrors that are asked first for a known one, before those that trainyard knows; each holds the image itself.
        mirrors: OneOrMany<String> = "[https://cloud.centos.org/centos/7/images]",
        /// The public key that signed the list of digests beside it.
        key: TextFile = "lab.asc" else "CentOS 7's",
    }
}

/// The installation medium.
#[derive(Clone, Debug)]
pub struct ImageSpec(pub ImageFields);

impl Decode for ImageSpec {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        let fields = match named(node) {
            Some(name) => ImageFields { name: Some(name), ..ImageFields::default() },
            None => ImageFields::decode(node, r)?,
        };
        is_one_image(&fields, "image: centos-7.9-minimal", node, r).then_some(Self(fields))
    }

    fn shape() -> Shape {
        Shape::TextOr(Box::new(ImageFields::shape()))
    }
}

/// The cloud image.
#[derive(Clone, Debug)]
pub struct CloudImageSpec(pub ImageFields);

impl Decode for CloudImageSpec {
    fn decode(node: &Node, r: &mut Reader) -> Option<Self> {
        let fields = match named(node) {
            Some(name) => ImageFields { name: Some(name), ..ImageFields::default() },
            None => CloudImageFields::decode(node, r)?.into(),
        };
        let is_one = is_one_image(&fields, "cloud_image: centos-7.9-genericcloud", node, r);
        is_one.then_some(Self(fields))
    }

    fn shape() -> Shape {
        Shape::TextOr(Box::new(CloudImageFields::shape()))
    }
}

impl From<CloudImageFields> for ImageFields {
    fn from(fields: CloudImageFields) -> Self {
        let CloudImageFields { name, path, url, sha256, size, mirrors, key } = fields;
        Self { name, path, url, sha256, size, volume_id: None, mirrors, key }
    }
}

/// An image that is written as its name alone.
fn named(node: &Node) -> Option<Spanned<String>> {
    let Value::Scalar(text) = &node.value else { return None };
    Some(Spanned { span: node.span, path: node.path.clone(), value: text.clone() })
}

/// Whether one image is named, and not several; tells that, and what does not fit the way in which it is named.
fn is_one_image(fields: &ImageFields, example: &str, node: &Node, r: &mut Reader) -> bool {
    let mut tell = |message: &str, help: &str| {
        r.findings.tell(Rule::Kind, &node.path, node.span, message, help);
    };
    let ways = [&fields.name, &fields.path, &fields.url];
    if ways.into_iter().flatten().count() > 1 {
        let key = example.split(':').next().unwrap_or_default();
        let help =
            format!("`{example}`, `{key}: {{path: FILE}}` or `{key}: {{url: URL, sha256: HEX}}`");
        tell("an image is a known name, a path or a URL, and one of them only", &help);
        return false;
    }
    let is_file = fields.path.is_some();
    if (is_file || fields.url.is_some()) && fields.mirrors.is_some() {
        tell(
            "mirrors are asked for images that have a name",
            "leave out `mirrors`, or name the image",
        );
    }
    if is_file && fields.key.is_some() {
        tell("a file has no signed list beside it", "leave out `key`, and give its `sha256`");
    }
    true
}
