"""Formulas of the pages as MathML, which browsers draw by themselves: no script, and no network."""

import re

NAMES = r"\\(?:sin|cos|tan|sinh|cosh|tanh|arctan|exp|log|ln|det|operatorname\{\w+\})"
# What stands for a factor before a function's name, and for its argument behind it.
FACTOR = re.compile(rf"((?<![\\a-zA-Z])\w|[}})]) *(?={NAMES}(?![a-zA-Z]))")
ARGUMENT = re.compile(
    rf"({NAMES}(?![a-zA-Z])(?:\^(?:\w|\{{[^{{}}]*\}}))?) *(?=[\w\\](?!left|bigl|Bigl|[,;! ]))"
)
BAR = '<mo stretchy="false">&#x0007C;</mo>'


def spaced(tex):
    """TeX with the thin spaces around names of functions, and limits below them in a displayed formula."""
    return ARGUMENT.sub(r"\1\\, ", FACTOR.sub(r"\1\\, ", tex))


def mathml(tex, display="inline"):
    """A formula of TeX as MathML."""
    from latex2mathml.converter import convert

    if display == "block":
        tex = tex.replace("\\lim_", "\\lim\\limits_")
    # Bars are brackets here, and no relation with space to either side.
    return convert(spaced(tex), display=display).replace(BAR, BAR.replace(">", ' lspace="0" rspace="0">', 1))
