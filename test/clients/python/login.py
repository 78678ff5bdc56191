"""`hf auth login` in a terminal, answered from a browser. Prints what the client then knows."""

import json
import os
import pty
import re
import select
import subprocess
import sys
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

wanted = json.loads(sys.argv[1])
endpoint = os.environ["HF_ENDPOINT"]
browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
browser.addheaders = [("Origin", endpoint)]


def submit(page: str, fields: dict) -> str:
    """Fills in the form of a page."""
    action = re.search(r'action="([^"]+)"', page)[1]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    data = urllib.parse.urlencode({**hidden, **fields}).encode()
    return browser.open(endpoint + action, data).read().decode()


def answer(url: str, decision: str) -> str:
    page = browser.open(url).read().decode()
    if 'name="password"' in page:
        page = submit(page, {"name": wanted["user"], "password": wanted["password"]})
    return submit(page, {"role": "write", "answer": decision})


def log_in(decision: str) -> tuple[int, str]:
    """What a person sees of it. They take the first choice of the menu, and open the URL."""
    screen, terminal = pty.openpty()
    client = subprocess.Popen(["hf", "auth", "login", "--format", "human"], stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    shown, has_answered = "", False
    while True:
        if not select.select([screen], [], [], 1)[0]:
            # A key that is pressed before the menu listens is lost.
            if "Paste an access token" in shown and "Open this URL" not in shown:
                os.write(screen, b"\r")
            continue
        try:
            piece = os.read(screen, 4096)
        except OSError:  # The terminal is gone with its last program.
            break
        if not piece:
            break
        shown += piece.decode()
        url = re.search(r"(http://\S+user_code=\S+)\s", shown)
        if url and not has_answered and "Waiting for authorization" in shown:
            has_answered = True
            answer(url[1], decision)
    return client.wait(), shown


refused, said = log_in("deny")
assert refused != 0 and "Authorization was denied" in said, said
code, said = log_in("allow")
assert code == 0 and "Login successful" in said, said

from huggingface_hub import get_token, whoami
from huggingface_hub.utils._auth import _read_stored_tokens_full
from huggingface_hub.utils._oauth_device import refresh_access_token

me = whoami()
token = get_token()
[(name, fields)] = _read_stored_tokens_full().items()
assert fields["hf_token"] == token, fields
renewed = refresh_access_token(fields["refresh_token"])
assert whoami(token=renewed["access_token"])["name"] == me["name"]

print(
    json.dumps(
        {
            "user": me["name"],
            "role": me["auth"]["accessToken"]["role"],
            "storedAs": name,
            "calledHere": me["auth"]["accessToken"]["displayName"],
            "expiresAt": int(fields["expires_at"]),
            "renewedFor": renewed["expires_in"],
        }
    )
)
