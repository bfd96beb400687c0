"""Names of months in the languages that tables come in, as SQL.

A table of our own: of `babel` this would be twelve lines of thirty megabytes, and `dateparser` reads cell by cell and
guesses what it does not know.
"""

from __future__ import annotations

# English, German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Danish, Norwegian, Polish, the short forms
# last; then Czech, Romanian, Hungarian, Indonesian, Finnish, Turkish, Russian. Lower case, without accents. A word that
# names two months, as "listopad" does in Czech and in Croatian, stands for that of the larger language.
_NAMES = (
    "january januar janner janvier enero gennaio janeiro januari stycznia styczen jan janv ene gen sty "
    "leden ledna ianuarie tammikuu tammikuuta ocak январь января янв",
    "february februar feber fevrier febrero febbraio fevereiro februari lutego luty feb fev fevr lut "
    "unor unora februarie februarius helmikuu helmikuuta subat февраль февраля фев",
    "march marz mars marzo marco maart marca marzec marts mar mrz mrt maerz "
    "brezen brezna martie marcius maret maaliskuu maaliskuuta mart март марта мар",
    "april avril abril aprile kwietnia kwiecien apr avr abr kwi "
    "duben dubna aprilie aprilis huhtikuu huhtikuuta nisan апрель апреля апр",
    "may mai mayo maggio maio mei maj maja mag kveten kvetna majus toukokuu toukokuuta may\u0131s маи мая",
    "june juni juin junio giugno junho czerwca czerwiec jun giu cze "
    "cerven cervna iunie junius kesakuu kesakuuta haziran июнь июня июн",
    "july juli juillet julio luglio julho lipca lipiec jul juil lug lip "
    "cervenec cervence iulie julius heinakuu heinakuuta temmuz июль июля июл",
    "august aout agosto augustus augusti sierpnia sierpien aug ago sie "
    "srpen srpna augusztus elokuu elokuuta agustos август августа авг",
    "september septembre septiembre setiembre settembre setembro wrzesnia wrzesien sep sept set wrz "
    "zari septembrie szeptember syyskuu syyskuuta eylul сентябрь сентября сен сент",
    "october oktober octobre octubre ottobre outubro pazdziernika pazdziernik oct okt ott out paz "
    "rijen rijna octombrie lokakuu lokakuuta ekim октябрь октября окт",
    "november novembre noviembre novembro listopada listopad nov lis "
    "listopadu noiembrie marraskuu marraskuuta kas\u0131m ноябрь ноября ноя нояб",
    "december dezember desember decembre diciembre dicembre dezembro grudnia grudzien dec dez dic gru "
    "prosinec prosince decembrie joulukuu joulukuuta aral\u0131k декабрь декабря дек",
)
NUMBERS = {name: number for number, names in enumerate(_NAMES, 1) for name in names.split()}
"""The number of a month, from 1, by its name."""

_PAIRS = ", ".join(f"'{name}': {number}" for name, number in NUMBERS.items())


def month_number(word: str) -> str:
    """SQL: the number of the month that this lower-case word without accents names, NULL where it names none."""
    return f"MAP {{{_PAIRS}}}[{word}]"
