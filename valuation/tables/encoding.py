"""Decodes the bytes of a text file: UTF-8, UTF-16, UTF-32, or Chinese in GB 18030 (which includes GBK and GB 2312)."""

from __future__ import annotations

import codecs
import re
import unicodedata

from valuation.errors import InvalidInput

BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
"""Marks at the start of a file; the longer ones first, because that of UTF-32 begins with that of UTF-16."""

SAMPLE_BYTES = 4096
ZERO_SHARE = 0.3
"""Smallest share of zero bytes in one half of UTF-16 text without a mark; ASCII characters have one zero byte."""

COMMON_SHARE = 0.5
"""Share of common characters that the ideographs of Chinese text exceed. Other encodings decoded as GB 18030 give
mostly rare characters."""

COMMON = frozenset(
    "的一是了不在有个人这上中大为来以到时地们出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"
    "十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天"
    "政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无"
    "系军很情者最立代想已通并提直题党程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知"
    "较将组见计别她手角期根论运农指几九区强放决西被干做必战先回则任取据处队南给色光门即保治北造百规热领七海口东导"
    "器压志世金增争济阶油思术极交受联什认六共权收证改清己美再采转更单风切打白教速花带安场身车例真务具万每目至达走"
    "积示议声报斗完类八离华名确才科张信马节话米整空元况今集温传土许步群广石记需段研界拉林律叫且究观越织装影算低持"
    "音众书布复容儿须际商非验连断深难近矿千周委素技备半办青省列习响约支般史感劳便团往酸历市克何除消构府称太准精值"
    "号率族维划选标写存候毛亲快效斯院查江型眼王按格养易置派层片始却专状育厂京识适属圆包火住调满县局照参红细引听该"
    "铁价严龙飞铜铝锌铅镍锡银钢煤棉粮豆玉麦糖胶库仓货吨斤债贷款抵押质借还账帐额利息汇率币期末初止累计数编码姓址"
    "限司厦沪深圳州津渝川粤鲁浙苏皖湘鄂豫冀晋贸易集团股份投资实业材料有色属铸压延冶炼设备租赁仪械专利商标"
)
"""Ideographs that are frequent in Chinese text, and those of goods, places, firms and loans."""

ONE_ENCODING = 'a file in one encoding; save it as "CSV UTF-8"'
ENCODINGS_READ = "UTF-8, UTF-16 or, in Chinese, GB 18030"


def decode(name: str, content: bytes, encoding: str = "") -> str:
    """Returns the text of a file without its byte order mark, read in the stated encoding if there is one.

    Raises InvalidInput if the encoding cannot be determined or is another one, or if the text has a zero character.
    """
    text = _stated(name, content, encoding) if encoding else _decoded(name, content)
    at = text.find("\0")
    if at >= 0:
        line = 1 + len(re.findall(r"\r\n?|\n", text[:at]))
        raise InvalidInput(f"{name}:{line}", "a zero byte", "text; the file is damaged or is no text file")
    return text


def _decoded(name: str, content: bytes) -> str:
    for mark, encoding in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return _strict(name, content, encoding)
    encoding = _utf_16(content[:SAMPLE_BYTES])
    if encoding:
        return _strict(name, content, encoding)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = 1 + len(re.findall(rb"\r\n?|\n", content[: error.start]))
        text = _chinese(content)
        if text is None:
            raise InvalidInput(
                f"{name}:{line}", "text in an unknown encoding", f'{ENCODINGS_READ}; save it as "CSV UTF-8"'
            ) from None
        return text


def _stated(name: str, content: bytes, encoding: str) -> str:
    """Returns the text of a file in the stated encoding; raises InvalidInput if its byte order mark is of another."""
    want = f'{encoding} as stated; state the encoding of the file, or save it as "CSV UTF-8", which is utf-8'
    found = next((own for mark, own in BYTE_ORDER_MARKS if content.startswith(mark)), "").removesuffix("-sig")
    if not codecs.lookup(encoding).name.startswith(found):
        raise InvalidInput(name, f"the byte order mark of {found}", want)
    return _strict(name, content, encoding, want).removeprefix("\ufeff")


def _strict(name: str, content: bytes, encoding: str, want: str = ONE_ENCODING) -> str:
    """Returns the text in an encoding; raises InvalidInput with the line at which the bytes are of another one."""
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = 1 + len(re.findall(r"\r\n?|\n", content[: error.start].decode(encoding, "replace")))
        got = f"bytes that are not {encoding.removesuffix('-sig')}"
        raise InvalidInput(f"{name}:{line}", got, want) from None


def _utf_16(sample: bytes) -> str:
    """Returns the encoding of UTF-16 without a byte order mark, recognised by the zero bytes of ASCII characters."""
    half = len(sample) // 2
    first, second = sample[: 2 * half : 2].count(0), sample[1 : 2 * half : 2].count(0)
    if half and second > ZERO_SHARE * half and not first:
        return "utf-16-le"
    return "utf-16-be" if half and first > ZERO_SHARE * half and not second else ""


def _chinese(content: bytes) -> str | None:
    """Returns the text if it can only be Chinese in GB 18030, else None."""
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        return None
    other = [letter for letter in text if letter > "\x7f"]
    ideographs = [letter for letter in other if "\u4e00" <= letter <= "\u9fff"]
    expected = all("\u4e00" <= letter <= "\u9fff" or _is_punctuation(letter) for letter in other)
    common = sum(letter in COMMON for letter in ideographs)
    return text if expected and ideographs and common > COMMON_SHARE * len(ideographs) else None


def _is_punctuation(letter: str) -> bool:
    """Returns whether a character is punctuation, a sign, a full-width form or a space of Chinese text."""
    return "\u3000" <= letter <= "\u303f" or "\uff00" <= letter <= "\uffef" or unicodedata.category(letter)[0] in "PSZN"
