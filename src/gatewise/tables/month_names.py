"""Names of months in the languages that tables come in, as SQL.

A table of our own: of `babel` this would be twelve lines of thirty megabytes, and `dateparser` reads cell by cell and
guesses what it does not know.
"""

from __future__ import annotations

# English, German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Danish, Norwegian, Polish: lower case, without
# accents, the short forms last.
_NAMES = (
    "january januar janner janvier enero gennaio janeiro januari stycznia styczen jan janv ene gen sty",
    "february februar feber fevrier febrero febbraio fevereiro februari lutego luty feb fev fevr lut",
    "march marz mars marzo marco maart marca marzec marts mar mrz mrt maerz",
    "april avril abril aprile kwietnia kwiecien apr avr abr kwi",
    "may mai mayo maggio maio mei maj maja mag",
    "june juni juin junio giugno junho czerwca czerwiec jun giu cze",
    "july juli juillet julio luglio julho lipca lipiec jul juil lug lip",
    "august aout agosto augustus augusti sierpnia sierpien aug ago sie",
    "september septembre septiembre setiembre settembre setembro wrzesnia wrzesien sep sept set wrz",
    "october oktober octobre octubre ottobre outubro pazdziernika pazdziernik oct okt ott out paz",
    "november novembre noviembre novembro listopada listopad nov lis",
    "december dezember desember decembre diciembre dicembre dezembro grudnia grudzien dec dez dic gru",
)
NUMBERS = {name: number for number, names in enumerate(_NAMES, 1) for name in names.split()}
"""The number of a month, from 1, by its name."""

_PAIRS = ", ".join(f"'{name}': {number}" for name, number in NUMBERS.items())


def month_number(word: str) -> str:
    """SQL: the number of the month that this lower-case word without accents names, NULL where it names none."""
    return f"MAP {{{_PAIRS}}}[{word}]"
