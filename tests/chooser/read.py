"""Reads a kickstart as the installer of CentOS 7 does, with pykickstart's grammar of RHEL 7, and prints what it found as JSON.

usage: read.py initramfs|first|second FILE

initramfs: what starts the installer reads commands, goes on after what it cannot read, and passes over an include that is not there.
first:     the scripts of %pre alone (anaconda's AnacondaPreParser); an include that is not there is passed over.
second:    all of it; an include that is not there is an error. The scripts of %pre are left out, as they are not run any more.
"""

import json
import sys

from pykickstart.constants import KS_SCRIPT_PRE
from pykickstart.parser import KickstartParser, Script
from pykickstart.sections import NullSection, PreScriptSection
from pykickstart.version import makeVersion

OTHERS = ["%pre-install", "%post", "%onerror", "%traceback", "%packages", "%addon", "%anaconda"]


class First(KickstartParser):
    """Takes the scripts of %pre, and nothing else."""

    def handleCommand(self, lineno, args):
        pass

    def setupSections(self):
        self._sections = {}
        self.registerSection(PreScriptSection(self.handler, dataObj=Script))
        for name in OTHERS:
            self.registerSection(NullSection(self.handler, sectionOpen=name))


how, path = sys.argv[1:]
handler = makeVersion("RHEL7")
if how == "initramfs":
    parser = KickstartParser(handler, missingIncludeIsFatal=False, errorsAreFatal=False)
elif how == "first":
    parser = First(handler, missingIncludeIsFatal=False)
else:
    parser = KickstartParser(handler)
parser.readKickstart(path)
scripts = [
    {"interpreter": s.interp, "log": s.logfile, "fatal": bool(s.errorOnFail), "line": s.lineno, "body": s.script}
    for s in handler.scripts
    if s.type == KS_SCRIPT_PRE
]
if how == "second":
    handler.scripts = [s for s in handler.scripts if s.type != KS_SCRIPT_PRE]
json.dump({"scripts": scripts, "flat": str(handler)}, sys.stdout)
