"""
Calls methods of HfApi one after another: [{"do", "with", "token"?}]. Prints what each has raised: the names of its
class and bases, status, code and the server's own words; or {"returned": text}.
"""

import json
import sys

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

outcomes = []
for call in json.loads(sys.argv[1])["calls"]:
    method = getattr(HfApi(token=call.get("token")), call["do"])
    try:
        value = method(**call["with"])
        if call["do"].startswith("list_"):
            value = list(value)
        outcomes.append({"returned": str(value)})
    except Exception as error:  # noqa: BLE001 - what was raised is the result
        outcome = {"raised": [base.__name__ for base in type(error).__mro__], "text": str(error)}
        if isinstance(error, HfHubHTTPError):
            outcome |= {
                "status": error.response.status_code,
                "code": error.response.headers.get("x-error-code"),
                "message": error.server_message,
                "requestId": error.request_id,
            }
        outcomes.append(outcome)
print(json.dumps(outcomes))
