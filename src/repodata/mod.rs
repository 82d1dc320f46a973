//! Package data as createrepo writes it: the index (`repomd.xml`), and the list of packages (`primary.xml`) that it names. It comes from
//! media and from mirrors, not from us.

mod xml;

use std::io::{BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

pub(crate) use xml::{Step, read};

/// One file that an index names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// What it is: `primary`, `filelists_db`, `group`.
    pub kind: String,
    /// Where it lies, from the repository's folder on.
    pub location: String,
    /// What its checksum is: `sha256`.
    pub checksum_kind: String,
    /// The checksum, in hexadecimal digits.
    pub checksum: String,
    /// Its size in bytes, where the index says it.
    pub size: Option<u64>,
}

/// A package that a repository has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// Its name, such as `chrony`.
    pub name: String,
    /// Its epoch; 0 where the list says none.
    pub epoch: u64,
    /// Its version, such as `3.4`.
    pub version: String,
    /// Its release, such as `1.el7`.
    pub release: String,
    /// Its architecture, such as `x86_64`.
    pub arch: String,
    /// Where it lies, from the repository's folder on.
    pub location: String,
    /// What its checksum is: `sha256`.
    pub checksum_kind: String,
    /// The checksum of the whole file, in hexadecimal digits.
    pub checksum: String,
    /// The file's size in bytes, where the list says it.
    pub size: Option<u64>,
}

/// The files that an index names. The error says what is wrong with it.
///
/// # Errors
/// It is no XML, or breaks a limit.
pub fn index(source: impl BufRead) -> Result<Vec<Listed>, String> {
    let mut found = Vec::new();
    let mut file = Listed::default();
    read(source, |step| match step {
        Step::Open(path, element) => match names(path).as_slice() {
            ["repomd", "data"] => {
                let kind = element.attribute("type").unwrap_or_default();
                file = Listed { kind, ..Listed::default() };
            }
            ["repomd", "data", "location"] => {
                file.location = element.attribute("href").unwrap_or_default();
            }
            ["repomd", "data", "checksum"] => {
                file.checksum_kind = element.attribute("type").unwrap_or_default();
            }
            _ => {}
        },
        Step::Close(path, text) => match names(path).as_slice() {
            ["repomd", "data", "checksum"] => file.checksum = text.to_lowercase(),
            ["repomd", "data", "size"] => file.size = text.parse().ok(),
            ["repomd", "data"] => found.push(std::mem::take(&mut file)),
            _ => {}
        },
    })?;
    Ok(found)
}

/// Calls `each` for every package of a list. The error says what is wrong with it.
///
/// # Errors
/// It is no XML, or breaks a limit.
pub fn packages(source: impl BufRead, mut each: impl FnMut(Package)) -> Result<(), String> {
    let mut package = Package::default();
    read(source, |step| match step {
        Step::Open(path, element) => match names(path).as_slice() {
            ["metadata", "package"] => package = Package::default(),
            ["metadata", "package", "version"] => {
                let number = |name| element.attribute(name).unwrap_or_default();
                package.epoch = number("epoch").parse().unwrap_or_default();
                (package.version, package.release) = (number("ver"), number("rel"));
            }
            ["metadata", "package", "checksum"] => {
                package.checksum_kind = element.attribute("type").unwrap_or_default();
            }
            ["metadata", "package", "location"] => {
                package.location = element.attribute("href").unwrap_or_default();
            }
            ["metadata", "package", "size"] => {
                package.size = element.attribute("package").and_then(|size| size.parse().ok());
            }
            _ => {}
        },
        Step::Close(path, text) => match names(path).as_slice() {
            ["metadata", "package", "name"] => text.clone_into(&mut package.name),
            ["metadata", "package", "arch"] => text.clone_into(&mut package.arch),
            ["metadata", "package", "checksum"] => package.checksum = text.to_lowercase(),
            ["metadata", "package"] => each(std::mem::take(&mut package)),
            _ => {}
        },
    })
}

/// A reader of a file, unpacked if its name says that it is packed; of so many bytes at most.
///
/// # Errors
/// It is packed in another way.
pub fn unpacked<'a>(
    path: &str,
    content: impl BufRead + 'a,
    limit: u64,
) -> Result<Box<dyn BufRead + 'a>, String> {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("gz") => Ok(Box::new(BufReader::new(MultiGzDecoder::new(content).take(limit)))),
        Some("xml") => Ok(Box::new(content.take(limit))),
        _ => Err("only .xml and .xml.gz are read".into()),
    }
}

/// The names of a path, to be compared.
pub(crate) fn names(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_index_names() {
        let text = r#"<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm"><revision>1</revision>
            <data type="primary"><checksum type="sha256">AB</checksum><open-checksum type="sha256">cd</open-checksum>
            <location href="repodata/ab-primary.xml.gz"/><timestamp>1</timestamp><size>42</size><open-size>43</open-size></data>
            <data type="group"><location href="repodata/comps.xml"/></data></repomd>"#;
        let found = index(text.as_bytes()).expect("an index");
        assert_eq!(
            found[0],
            Listed {
                kind: "primary".into(),
                location: "repodata/ab-primary.xml.gz".into(),
                checksum_kind: "sha256".into(),
                checksum: "ab".into(),
                size: Some(42)
            }
        );
        assert_eq!((found.len(), found[1].size), (2, None));
    }

    #[test]
    fn what_a_list_has() {
        let text = r#"<metadata><package type="rpm"><name>a</name><arch>noarch</arch><version epoch="1" ver="2" rel="3"/>
            <checksum type="sha256" pkgid="YES">EF</checksum><size package="10" installed="20" archive="30"/>
            <location href="Packages/a-2-3.noarch.rpm"/><format><name>not this</name></format></package></metadata>"#;
        let mut found = Vec::new();
        packages(text.as_bytes(), |package| found.push(package)).expect("a list");
        let package = Package {
            name: "a".into(),
            epoch: 1,
            version: "2".into(),
            release: "3".into(),
            arch: "noarch".into(),
            location: "Packages/a-2-3.noarch.rpm".into(),
            checksum_kind: "sha256".into(),
            checksum: "ef".into(),
            size: Some(10),
        };
        assert_eq!(found, [package]);
    }
}
