"""The built site in a headless browser: no console error, no outside request, nothing missing, a search that finds.

`python -m tests.site.browser site`, where `mkdocs build` has put the site into `site`. Needs Chromium, which
the Python package `playwright` drives.
"""

import functools
import http.server
import pathlib
import shutil
import sys
import threading

from playwright.sync_api import Page, Request, Response, sync_playwright

# What a fresh Chromium would ask of the network by itself.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


def faults_of_site(site: pathlib.Path) -> tuple[int, list[str]]:
    """The number of pages, and what is wrong with them."""
    pages = sorted(path.relative_to(site) for path in site.rglob("*.html"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Silent, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    home = f"http://127.0.0.1:{server.server_port}/"
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=QUIET)
        page = browser.new_page()
        watch(page, home, faults)
        for path in pages:
            page.goto(home + path.as_posix(), wait_until="load")
            if not page.locator("main h1, h1").first.is_visible():
                faults.append(f"{path}: no visible title")
        page.goto(home)
        page.locator(".md-search__input").first.fill("logme")
        page.locator(".md-search-result__item").first.wait_for(timeout=20_000)
        browser.close()
    server.shutdown()
    return len(pages), faults


def watch(page: Page, home: str, faults: list[str]) -> None:
    """Notes down console errors, errors of scripts, and requests that fail or leave `home`."""
    page.on("console", lambda said: faults.append(f"{page.url}: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))

    def asked(request: Request) -> None:
        if not request.url.startswith((home, "data:", "blob:")):
            faults.append(f"{page.url} asks {request.url}")

    def failed(request: Request) -> None:
        # A page that is left while its icon is on the way.
        if request.failure != "net::ERR_ABORTED":
            faults.append(f"{page.url}: {request.url} failed, {request.failure}")

    def answered(answer: Response) -> None:
        if answer.status >= 400:
            faults.append(f"{page.url}: {answer.url} answers {answer.status}")

    page.on("request", asked)
    page.on("requestfailed", failed)
    page.on("response", answered)


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        sys.exit("no Chromium on the PATH")
    return found


if __name__ == "__main__":
    count, found = faults_of_site(pathlib.Path(sys.argv[1]))
    if found or not count:
        sys.exit("\n".join(found) or "no page")
    print(f"{count} pages without a console error or an outside request")
