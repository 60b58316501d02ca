"""The templates' environment: a template speaks each language from its compiling on."""

from __future__ import annotations

import pytest
from flask import Flask, render_template_string
from flask_babel import Babel, force_locale, gettext, ngettext
from jinja2 import DictLoader, pass_context
from jinja2.runtime import Context

from hub.web.assets import address
from hub.web.jinja import SiteEnvironment
from hub.web.sessions import TRANSLATIONS
from tests.support.quick import keep_templates

PIECES = {
    "word.html": "{{ _('Stock') }}",
    "value.html": "{{ _('event %(id)s', id=value) }}",
    "block.html": "{% trans id=value %}event {{ id }}{% endtrans %}",
    "plural.html": "{{ ngettext('%(num)s record', '%(num)s records', 5) }}",
    "computed.html": "{{ _(word) }}",
    "part.html": "{% macro said(x) %}{{ _('event %(id)s', id=x) }}{% endmacro %}",
    "whole.html": "{% from 'part.html' import said %}{{ said(value) }}",
    "own.html": "{{ knows() }}",
}


@pytest.fixture(name="app")
def small_app() -> Flask:
    """Pages of one line each, in this environment."""
    app = Flask(__name__)
    app.jinja_environment = SiteEnvironment
    Babel(app, default_translation_directories=TRANSLATIONS)
    app.jinja_env.loader = DictLoader(PIECES)
    return app


def said(app: Flask, language: str, name: str, **context: object) -> str:
    """A page of one line in a language."""
    with app.test_request_context(), force_locale(language):
        return app.jinja_env.get_template(name).render(**context)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_each_reader_gets_their_own_language(app: Flask, language: str) -> None:
    with app.test_request_context(), force_locale(language):
        word, event = gettext("Stock"), gettext("event %(id)s", id="<7>")
        many = ngettext("%(num)s record", "%(num)s records", 5)
    assert said(app, language, "word.html") == word
    assert said(app, language, "computed.html", word="Stock") == word
    assert said(app, language, "plural.html") == many
    for name in ("value.html", "block.html", "whole.html"):
        assert said(app, language, name, value="<7>") == event.replace("<7>", "&lt;7&gt;")


def test_one_template_speaks_both_languages_in_turn(app: Flask) -> None:
    russian, english = (said(app, one, "word.html") for one in ("ru", "en"))
    assert russian != english
    assert said(app, "ru", "word.html") == russian


def test_a_percent_sign_stays_one(app: Flask) -> None:
    with app.test_request_context(), force_locale("en"):
        assert render_template_string("{{ _('100%% of it') }}") == "100% of it"


def test_a_function_that_wants_the_context_gets_it(app: Flask) -> None:
    @pass_context
    def knows(context: Context) -> str:
        return str(context["secret"])

    app.jinja_env.globals["knows"] = knows
    assert said(app, "en", "own.html", secret="told") == "told"


def test_what_the_tests_keep_of_templates_is_kept_by_language(app: Flask) -> None:
    cache = keep_templates(app).jinja_env.cache
    assert cache is not None
    spoken = []
    for language in ("ru", "en", "ru"):
        cache.clear()  # as a new application has it
        spoken.append(said(app, language, "word.html"))
    assert spoken[0] == spoken[2] != spoken[1]


def test_addresses_are_kept_by_all_that_they_are_made_of(app: Flask) -> None:
    app.add_url_rule("/list", "list", lambda: "")
    with app.test_request_context():
        said_once = [address("list", q=value) for value in (1, True, "1", ["a", "b"], None)]
    with app.test_request_context(environ_overrides={"SCRIPT_NAME": "/crm"}):
        mounted = address("list", q=1)
    assert said_once == ["/list?q=1", "/list?q=True", "/list?q=1", "/list?q=a&q=b", "/list"]
    assert mounted == "/crm/list?q=1"
