"""The HTTP shell that api and web share: who asks, from where, with what; headers, limits, problem+json.

A request passes, outermost first: `responses` (its id, headers, log line, figures), `problem` (errors become
answers), `door` (host, path, proxies, rate), `gate` (route, cross-site, who asks, may they), `body` (size, time, strict
JSON), and then the route.
"""
