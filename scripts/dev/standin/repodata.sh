#!/bin/bash
# Makes Packages/ and repodata/ of the stand-in medium in a folder.
#
#     repodata.sh FOLDER
#
# The package files hold a sentence instead of a program; the data about them is right: names, checksums, groups.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "$0")")/common.sh"

tree=$1
need gzip
mkdir -p "$tree/Packages" "$tree/repodata"
cd "$tree"

# packages.txt: NAME VERSION-RELEASE ARCH
awk '!/^(#|$)/ { file = "Packages/" $1 "-" $2 "." $3 ".rpm"; print "Stand-in for " $1 "." >file; close(file) }' "$here/packages.txt"

sha256sum Packages/*.rpm | awk -v date="$SOURCE_DATE_EPOCH" '
    NR == FNR { sum[$2] = $1; next }
    /^(#|$)/ { next }
    { line[++count] = $0 }
    END {
        print "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
        print "<metadata xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"" count "\">"
        for (i = 1; i <= count; i++) {
            split(line[i], field)
            name = field[1]; arch = field[3]
            split(field[2], version, "-")
            file = "Packages/" name "-" field[2] "." arch ".rpm"
            size = length("Stand-in for " name ".") + 1
            print "<package type=\"rpm\">"
            print "  <name>" name "</name>"
            print "  <arch>" arch "</arch>"
            print "  <version epoch=\"0\" ver=\"" version[1] "\" rel=\"" version[2] "\"/>"
            print "  <checksum type=\"sha256\" pkgid=\"YES\">" sum[file] "</checksum>"
            print "  <summary>Stand-in for " name "</summary>"
            print "  <time file=\"" date "\" build=\"" date "\"/>"
            print "  <size package=\"" size "\" installed=\"" size "\" archive=\"" size "\"/>"
            print "  <location href=\"" file "\"/>"
            print "  <format>"
            print "    <rpm:provides>"
            print "      <rpm:entry name=\"" name "\" flags=\"EQ\" epoch=\"0\" ver=\"" version[1] "\" rel=\"" version[2] "\"/>"
            print "    </rpm:provides>"
            print "  </format>"
            print "</package>"
        }
        print "</metadata>"
    }' - "$here/packages.txt" >repodata/primary.xml

cp "$here/comps.xml" repodata/c7-minimal-x86_64-comps.xml
gzip -9 -n -k repodata/c7-minimal-x86_64-comps.xml
gzip -9 -n -k repodata/primary.xml

# sum FILE: its SHA-256.
sum() {
    sha256sum -- "$1" | cut -d ' ' -f 1
}

# data TYPE FILE [OPEN FILE]: gives the file its checksum as the first part of its name, and prints repomd.xml's entry for it.
data() {
    local type=$1 file=$2 open=${3:-} digest
    digest=$(sum "repodata/$file")
    printf '  <data type="%s">\n    <checksum type="sha256">%s</checksum>\n' "$type" "$digest"
    if [ -n "$open" ]; then
        printf '    <open-checksum type="sha256">%s</open-checksum>\n' "$(sum "$open")"
    fi
    printf '    <location href="repodata/%s-%s"/>\n    <timestamp>%s</timestamp>\n' "$digest" "$file" "$SOURCE_DATE_EPOCH"
    printf '    <size>%s</size>\n  </data>\n' "$(stat -c %s "repodata/$file")"
    mv "repodata/$file" "repodata/$digest-$file"
}

{
    printf '<?xml version="1.0" encoding="UTF-8"?>\n'
    printf '<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">\n'
    printf '  <revision>%s</revision>\n' "$SOURCE_DATE_EPOCH"
    data group_gz c7-minimal-x86_64-comps.xml.gz "$here/comps.xml"
    data group c7-minimal-x86_64-comps.xml
    data primary primary.xml.gz repodata/primary.xml
    printf '</repomd>\n'
} >repodata/repomd.xml
rm repodata/primary.xml
