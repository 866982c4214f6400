"""A bare Flask page: sixty table rows through Jinja, with nothing else. The floor."""

import flask

app = flask.Flask(__name__, static_folder=None)
PAGE = app.jinja_env.from_string(
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title></head>'
    "<body><main><h1>{{ title }}</h1><table><tbody>{% for row in rows %}"
    '<tr><td><time datetime="{{ row.day }}">{{ row.label }}</time></td>'
    '<td class="num">{{ row.left }}</td><td>{{ row.price }}</td>'
    '<td><a href="/hold?offer={{ row.id }}&amp;day={{ row.day }}">Book {{ row.name }}</a></td></tr>'
    "{% endfor %}</tbody></table></main></body></html>"
)
ROWS = [
    {
        "id": number,
        "day": f"2027-01-{number % 28 + 1:02}",
        "label": f"{number % 28 + 1} January 2027",
        "left": number % 9,
        "price": f"{60 + number}.00 EUR",
        "name": f"Room <{number}>",
    }
    for number in range(60)
]


@app.get("/")
def page() -> str:
    """Render the sixty rows."""
    return PAGE.render(title="Availability", rows=ROWS)


@app.get("/healthz")
def healthz() -> str:
    """Say that this process answers."""
    return "ok"
