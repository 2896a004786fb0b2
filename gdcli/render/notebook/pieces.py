"""The box of a record in a notebook, and the pictures in it.

Colours are mixed with the colour of the text around, so that they can be read on light and on dark notebooks.
"""

from __future__ import annotations

import base64
import html

from gdcli.contract.figure import (
    ContourPanel,
    CurvesPanel,
    Figure,
    FunctionPanel,
    MapPanel,
    Panel,
    ScatterPanel,
    SweepCurvePanel,
)
from gdcli.printable import one_line, shortened
from gdcli.render.page import alt

_STYLE = """\
.gdcli{font-size:14px;line-height:1.45;max-width:100%;text-align:left}
.gdcli p,.gdcli pre,.gdcli table,.gdcli ul,.gdcli .s{margin:.35em 0}
.gdcli p{overflow-wrap:anywhere}
.gdcli .s{overflow-x:auto;max-width:100%}
.gdcli pre,.gdcli .gdcli-t,.gdcli table,.gdcli .t{font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;\
font-size:13px;line-height:1.35;color:inherit;background:none;border:0}
.gdcli pre{white-space:pre;padding:0;overflow-x:auto}
.gdcli table{border-collapse:collapse;table-layout:auto;width:auto}
.gdcli tr{background:none}
.gdcli td,.gdcli th{white-space:pre;padding:.1em .9em .1em 0;border:0;color:inherit;text-align:left;vertical-align:top;\
max-width:none}
.gdcli td.r,.gdcli th.r{text-align:right}
.gdcli th{font-weight:bold;border-bottom:1px solid;border-bottom-color:color-mix(in srgb,currentColor 40%,transparent)}
.gdcli .g td+td{white-space:pre-wrap;overflow-wrap:anywhere}
.gdcli .n{white-space:nowrap}
.gdcli .b{font-weight:bold}.gdcli .d{opacity:.72}.gdcli .i{font-style:italic}
.gdcli .red{color:color-mix(in srgb,#e00000 62%,currentColor)}
.gdcli .green{color:color-mix(in srgb,#00a000 62%,currentColor)}
.gdcli .yellow{color:color-mix(in srgb,#b08000 62%,currentColor)}
.gdcli .cyan{color:color-mix(in srgb,#0090a0 62%,currentColor)}
.gdcli .t ul,.gdcli ul.t{list-style:none;padding-left:0}
.gdcli .t ul{padding-left:1.2em;margin:.1em 0 .1em .3em;border-left:1px solid;\
border-left-color:color-mix(in srgb,currentColor 30%,transparent)}
.gdcli .t p,.gdcli .t pre{margin:.1em 0;overflow:visible}.gdcli .t p{white-space:pre}
.gdcli img,.gdcli svg{max-width:100%;height:auto}
.gdcli img{background:#fff;border-radius:4px;min-width:36em}
"""


def boxed(content: str) -> str:
    """The box of a record, with its style."""
    return f'<div class="gdcli"><style>{_STYLE}</style>{content}</div>'


def warning(text: str) -> str:
    """A warning below what it is about."""
    return f'<p><span class="red">warning:</span> {html.escape(one_line(shortened(text)))}</p>'


def picture(svg: str, figure: Figure) -> str:
    """A picture by itself: what is in it cannot meet the names of another one, nor run."""
    data = base64.b64encode(svg.encode()).decode()
    words = html.escape(" ".join(_words(figure)), quote=True)
    return f'<div class="s"><img alt="{words}" src="data:image/svg+xml;base64,{data}"></div>'


def _words(figure: Figure) -> list[str]:
    """What a picture shows, for who does not see it."""
    found = [one_line(figure.title), *(one_line(figure.subtitle) for _ in range(bool(figure.subtitle)))]
    return [*(f"{text}." for text in found), *(text for panel in figure.panels if (text := _of(panel)))]


def _of(panel: Panel) -> str:
    match panel:
        case CurvesPanel():
            return alt.curves_text(panel)
        case FunctionPanel():
            return alt.function_text(panel)
        case ContourPanel():
            return alt.contour_text(panel)
        case ScatterPanel():
            return alt.scatter_text(panel)
        case MapPanel():
            return alt.map_text(panel)
        case SweepCurvePanel():
            return alt.sweep_curve_text(panel)
    return ""
