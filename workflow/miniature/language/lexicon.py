"""The words of the miniature's world: name parts and the values that facts take, with their declension."""

from __future__ import annotations

from miniature.language.grammar import Phrase, counted, described, fixed, noun

PLACE_ROOTS = (
    *("Варн", "Кедр", "Тарв", "Лесн", "Зарн", "Бел", "Верх", "Камен", "Остр", "Сельм", "Вельм", "Дубр", "Рад", "Мирн"),
    *("Светл", "Яр", "Бор", "Горн", "Сокол", "Орл", "Волч", "Лип", "Берёз", "Рябин", "Снеж", "Ключ", "Озёр", "Мост"),
    *("Звон", "Туман", "Янтар", "Медв"),
)
PLACE_SUFFIXES = (
    ("огорск", "m"),
    ("оград", "m"),
    ("ополь", "m_soft"),
    ("инск", "m"),
    ("овка", "f_velar"),
    ("ово", "n"),
)
RIVER_ROOTS = (
    *("Вел", "Тар", "Лом", "Сур", "Оль", "Кер", "Нив", "Пол", "Шел", "Вор", "Дул", "Кар", "Лун", "Бер", "Зим", "Вит"),
)
RIVER_SUFFIXES = ("ема", "ога", "ава", "инка", "уша", "ира", "еста", "она")
MEN = (
    *("Иван", "Пётр", "Михаил", "Степан", "Фёдор", "Роман", "Глеб", "Борис", "Антон", "Тимур", "Захар", "Кирилл"),
    *("Виктор", "Максим", "Артём", "Савва"),
)
WOMEN = (
    *("Анна", "Вера", "Ирина", "Нина", "Зоя", "Лариса", "Тамара", "Полина", "Алла", "Марина", "Раиса", "Клара"),
    *("Светлана", "Жанна", "Галина", "Инга"),
)
SURNAMES = (
    *("Карпов", "Соколов", "Лебедев", "Воронин", "Зайцев", "Гусев", "Орлов", "Журавлёв", "Медведев", "Белкин"),
    *("Щукин", "Комаров", "Снегирёв", "Рябинин", "Дубов", "Кленов", "Ветров", "Морозов", "Туманов", "Зимин"),
    *(
        "Громов",
        "Озеров",
        "Полевой",
        "Каменев",
        "Мельников",
        "Кузнецов",
        "Гончаров",
        "Столяров",
        "Рыбаков",
        "Садовников",
    ),
)
TITLE_ADJECTIVES = (
    *(("тихий", "quiet"), ("белый", "white"), ("далёкий", "distant"), ("старый", "old"), ("синий", "blue")),
    *(("последний", "last"), ("холодный", "cold"), ("ночной", "night"), ("золотой", "golden"), ("чужой", "strange")),
    *(("северный", "northern"), ("быстрый", "swift"), ("пустой", "empty"), ("зимний", "winter"), ("красный", "red")),
    *(("лесной", "forest"), ("горький", "bitter"), ("высокий", "tall"), ("тайный", "secret"), ("тёплый", "warm")),
)
TITLE_NOUNS = (
    *(noun("берег", "m", "shore"), noun("дорога", "f_velar", "road"), noun("сад", "m", "garden")),
    *(noun("окно", "n", "window"), noun("письмо", "n", "letter"), noun("зеркало", "n", "mirror")),
    *(noun("вокзал", "m", "station"), noun("звезда", "f", "star"), noun("парус", "m", "sail")),
    *(
        noun("колодец", "m_hush", "well", "колодц"),
        noun("маяк", "m", "lighthouse"),
        noun("крепость", "f_ь", "fortress"),
    ),
    *(noun("песня", "f_soft", "song"), noun("фонарь", "m_softё", "lantern"), noun("ключ", "m", "key")),
    *(noun("поезд", "m", "train"), noun("ворота", "p_neuter", "gates", "ворот"), noun("метель", "f_ь", "blizzard")),
    *(noun("долина", "f", "valley"), noun("карта", "f", "map"), noun("утро", "n", "morning")),
    *(noun("лестница", "f_c", "staircase"), noun("костёр", "m", "campfire", "костр"), noun("тень", "f_ь", "shadow")),
)
COMPANY_ENDINGS = ("отех", "опром", "осервис", "омаш", "олаб", "осталь")
BRANDS = (
    *("Лумо", "Тарва", "Веста", "Корсо", "Нимбо", "Сорта", "Альфо", "Рондо", "Фарго", "Зента", "Бриго", "Мерта"),
    *("Пикто", "Ольта", "Дакар"),
)

ANIMALS = (
    *(noun("медведь", "m_soft", "a bear", animate=True), noun("лев", "m", "a lion", "льв", animate=True)),
    *(noun("олень", "m_soft", "a deer", animate=True), noun("орёл", "m", "an eagle", "орл", animate=True)),
    *(noun("лиса", "f", "a fox"), noun("сова", "f", "an owl"), noun("волк", "m", "a wolf", animate=True)),
    *(noun("конь", "m_softё", "a horse", animate=True), noun("рысь", "f_ь", "a lynx"), noun("пчела", "f", "a bee")),
    *(noun("ястреб", "m", "a hawk", animate=True), noun("бобр", "m", "a beaver", animate=True)),
)
PETS = (
    *(noun("кот", "m", "a cat", animate=True), noun("попугай", "m_y", "a parrot", animate=True)),
    *(
        noun("черепаха", "f_velar", "a turtle"),
        noun("собака", "f_velar", "a dog"),
        noun("хомяк", "m", "a hamster", animate=True),
    ),
    *(
        noun("кролик", "m", "a rabbit", animate=True),
        noun("канарейка", "f_velar", "a canary"),
        noun("ёж", "m", "a hedgehog", "еж", animate=True),
    ),
    *(noun("белка", "f_velar", "a squirrel"), noun("коза", "f", "a goat")),
)
FISH = (
    *(
        noun("щука", "f_velar", "pike"),
        noun("окунь", "m_soft", "perch", animate=True),
        noun("сом", "m", "catfish", animate=True),
    ),
    *(noun("форель", "f_ь", "trout"), noun("карп", "m", "carp", animate=True), noun("стерлядь", "f_ь", "sterlet")),
    *(noun("лещ", "m", "bream", animate=True), noun("хариус", "m", "grayling", animate=True)),
)
INDUSTRIES = (
    *(
        noun("судостроение", "n_ie", "shipbuilding"),
        noun("рыболовство", "n", "fishing"),
        noun("виноделие", "n_ie", "winemaking"),
    ),
    *(
        noun("машиностроение", "n_ie", "engineering"),
        noun("сыроделие", "n_ie", "cheesemaking"),
        noun("пчеловодство", "n", "beekeeping"),
    ),
    *(
        noun("металлургия", "f_ia", "metallurgy"),
        noun("энергетика", "f_velar", "power generation"),
        noun("туризм", "m", "tourism"),
    ),
    *(noun("земледелие", "n_ie", "farming"),),
)
_SEA, _LAKE, _BAY = noun("море", "n_e", "sea"), noun("озеро", "n", "lake"), noun("залив", "m", "bay")
WATERS = (
    *(described("янтарный", _SEA, "the Amber Sea"), described("тихий", _SEA, "the Quiet Sea")),
    *(described("медный", _LAKE, "the Copper Lake"), described("глубокий", _LAKE, "the Deep Lake")),
    *(described("ледяной", _BAY, "the Icy Bay"), described("серебряный", _BAY, "the Silver Bay")),
    *(described("журавлиный", _LAKE, "the Crane Lake"), described("южный", _SEA, "the Southern Sea")),
)
_HILLS = noun("горы", "p_bare", "mountains")
MOUNTAINS = (
    *(described("синий", _HILLS, "the Blue Mountains"), described("железный", _HILLS, "the Iron Mountains")),
    *(described("орлиный", _HILLS, "the Eagle Mountains"), described("снежный", _HILLS, "the Snowy Mountains")),
    *(described("дымный", _HILLS, "the Smoky Mountains"), described("лунный", _HILLS, "the Moon Mountains")),
    *(described("соляной", _HILLS, "the Salt Mountains"), described("ветреный", _HILLS, "the Windy Mountains")),
)
DIRECTIONS = (
    *(
        noun("север", "m", "the north"),
        noun("юг", "m", "the south"),
        noun("восток", "m", "the east"),
        noun("запад", "m", "the west"),
    ),
    *(noun("северо-восток", "m", "the northeast"), noun("юго-запад", "m", "the southwest")),
)
PROFESSIONS = (
    *(noun("врач", "m", "a doctor", animate=True), noun("учитель", "m_soft", "a teacher", animate=True)),
    *(noun("инженер", "m", "an engineer", animate=True), noun("лётчик", "m", "a pilot", animate=True)),
    *(noun("повар", "m", "a cook", animate=True), noun("адвокат", "m", "a lawyer", animate=True)),
    *(noun("художник", "m", "a painter", animate=True), noun("садовник", "m", "a gardener", animate=True)),
    *(noun("геолог", "m", "a geologist", animate=True), noun("журналист", "m", "a journalist", animate=True)),
    *(noun("плотник", "m", "a carpenter", animate=True), noun("моряк", "m", "a sailor", animate=True)),
)
INSTRUMENTS = (
    *(
        noun("скрипка", "f_velar", "the violin"),
        noun("гитара", "f", "the guitar"),
        noun("рояль", "m_soft", "the piano"),
    ),
    *(noun("флейта", "f", "the flute"), noun("труба", "f", "the trumpet"), noun("баян", "m", "the accordion")),
    *(noun("виолончель", "f_ь", "the cello"), noun("арфа", "f", "the harp"), noun("барабан", "m", "the drum")),
)
THEMES = (
    *(noun("любовь", "f_ь", "love"), noun("дружба", "f", "friendship"), noun("война", "f", "war")),
    *(noun("путешествие", "n_ie", "a journey"), noun("семья", "f_softё", "family"), noun("детство", "n", "childhood")),
    *(noun("одиночество", "n", "loneliness"), noun("предательство", "n", "betrayal"), noun("надежда", "f", "hope")),
    *(noun("слава", "f", "fame"), noun("бедность", "f_ь", "poverty"), noun("свобода", "f", "freedom")),
)
MATERIALS = (
    *(
        noun("гранит", "m", "granite"),
        noun("мрамор", "m", "marble"),
        noun("кирпич", "m", "brick"),
        noun("дерево", "n", "wood"),
    ),
    *(
        noun("бетон", "m", "concrete"),
        noun("известняк", "m", "limestone"),
        noun("сталь", "f_ь", "steel"),
        noun("песчаник", "m", "sandstone"),
    ),
)
INGREDIENTS = (
    *(
        noun("рыба", "f", "fish"),
        noun("баранина", "f", "lamb"),
        noun("гречка", "f_velar", "buckwheat"),
        noun("капуста", "f", "cabbage"),
    ),
    *(
        noun("тыква", "f", "pumpkin"),
        noun("творог", "m", "cottage cheese"),
        noun("картофель", "m_soft", "potatoes"),
        noun("фасоль", "f_ь", "beans"),
    ),
    *(
        noun("говядина", "f", "beef"),
        noun("индейка", "f_velar", "turkey"),
        noun("чечевица", "f_c", "lentils"),
        noun("кукуруза", "f", "corn"),
    ),
)
SPICES = (
    *(
        noun("укроп", "m", "dill"),
        noun("перец", "m_hush", "pepper", "перц"),
        noun("чеснок", "m", "garlic"),
        noun("корица", "f_c", "cinnamon"),
    ),
    *(
        noun("имбирь", "m_softё", "ginger"),
        noun("тмин", "m", "cumin"),
        noun("базилик", "m", "basil"),
        noun("горчица", "f_c", "mustard"),
    ),
)
SIDES = (
    *(
        noun("сметана", "f", "sour cream"),
        noun("рис", "m", "rice"),
        noun("хлеб", "m", "bread"),
        noun("зелень", "f_ь", "greens"),
    ),
    *(
        noun("лимон", "m", "lemon"),
        noun("сыр", "m", "cheese"),
        noun("квас", "m", "kvass"),
        noun("горошек", "m", "peas", "горошк"),
    ),
)
GOODS = (
    *(
        noun("велосипеды", "p", "bicycles"),
        noun("лодки", "p_velar_bare", "boats", "лодк"),
        noun("станки", "p_velar", "machine tools"),
    ),
    *(
        noun("лекарства", "p_neuter", "medicines"),
        noun("моторы", "p", "motors"),
        noun("ткани", "p_soft", "fabrics", "ткан"),
    ),
    *(
        noun("часы", "p", "watches"),
        noun("телефоны", "p", "telephones"),
        noun("насосы", "p", "pumps"),
        noun("приборы", "p", "instruments"),
    ),
)
_COLOUR, _KIT = noun("цвет", "m", "colour"), noun("форма", "f", "uniform")
_COLOURS = (
    ("красный", "red"),
    ("синий", "blue"),
    ("зелёный", "green"),
    ("чёрный", "black"),
    ("белый", "white"),
    ("жёлтый", "yellow"),
    ("серый", "grey"),
)
COLOURS = tuple(described(ru, _COLOUR, en) for ru, en in _COLOURS)
KITS = tuple(described(ru, _KIT, f"a {en} uniform") for ru, en in _COLOURS)
SPORTS = (
    *(noun("футбол", "m", "football"), noun("хоккей", "m_y", "hockey"), noun("волейбол", "m", "volleyball")),
    *(
        noun("баскетбол", "m", "basketball"),
        noun("гандбол", "m", "handball"),
        noun("теннис", "m", "tennis"),
        noun("бадминтон", "m", "badminton"),
    ),
)
MONTHS = (
    *(noun("январь", "m_softё", "January"), noun("февраль", "m_softё", "February"), noun("март", "m", "March")),
    *(noun("апрель", "m_soft", "April"), noun("июнь", "m_soft", "June"), noun("июль", "m_soft", "July")),
    *(noun("август", "m", "August"), noun("сентябрь", "m_softё", "September"), noun("октябрь", "m_softё", "October")),
    *(noun("ноябрь", "m_softё", "November"), noun("декабрь", "m_softё", "December")),
)
ARTS = (
    *(
        noun("джаз", "m", "jazz"),
        noun("театр", "m", "theatre"),
        noun("поэзия", "f_ia", "poetry"),
        noun("танец", "m_hush", "dance", "танц"),
    ),
    *(
        noun("керамика", "f_velar", "ceramics"),
        noun("фотография", "f_ia", "photography"),
        noun("опера", "f", "opera"),
        noun("анимация", "f_ia", "animation"),
    ),
)


def _years(first: int, last: int) -> tuple[Phrase, ...]:
    return tuple(fixed(str(year), str(year)) for year in range(first, last))


VALUES: dict[str, tuple[Phrase, ...]] = {
    "animal": ANIMALS,
    "pet": PETS,
    "fish": FISH,
    "industry": INDUSTRIES,
    "water": WATERS,
    "mountains": MOUNTAINS,
    "direction": DIRECTIONS,
    "profession": PROFESSIONS,
    "instrument": INSTRUMENTS,
    "theme": THEMES,
    "material": MATERIALS,
    "ingredient": INGREDIENTS,
    "spice": SPICES,
    "side": SIDES,
    "goods": GOODS,
    "colour": COLOURS,
    "kit": KITS,
    "sport": SPORTS,
    "month": MONTHS,
    "art": ARTS,
    "old year": _years(1703, 1899),
    "year": _years(1900, 2020),
    "people": tuple(
        counted(n, "тысяча человек", "тысячи человек", "тысяч человек", "thousand people") for n in range(12, 900, 7)
    ),
    "staff": tuple(counted(n, "человек", "человека", "человек", "people") for n in range(25, 900, 15)),
    "length": tuple(counted(n, "километр", "километра", "километров", "kilometres") for n in range(40, 900, 9)),
    "height": tuple(counted(n, "метр", "метра", "метров", "metres") for n in range(12, 120, 3)),
    "pages": tuple(counted(n, "страница", "страницы", "страниц", "pages") for n in range(90, 700, 11)),
    "minutes": tuple(counted(n, "минута", "минуты", "минут", "minutes") for n in range(20, 180, 4)),
    "price": tuple(counted(n, "рубль", "рубля", "рублей", "roubles") for n in range(900, 60000, 730)),
    "grams": tuple(counted(n, "грамм", "грамма", "граммов", "grams") for n in range(110, 2400, 35)),
    "months": tuple(counted(n, "месяц", "месяца", "месяцев", "months") for n in range(6, 61, 3)),
}
"""What a fact's value may be, by the name that relations use."""

CLASSIFIERS: dict[str, tuple[Phrase, ...]] = {
    "city": (noun("город", "m", "city"),),
    "river": (noun("река", "f_velar", "river"),),
    "landmark": (
        *(noun("мост", "m", "bridge"), noun("башня", "f_soft", "tower"), noun("музей", "m_y", "museum")),
        *(noun("театр", "m", "theatre"), noun("библиотека", "f_velar", "library"), noun("стадион", "m", "stadium")),
        *(noun("вокзал", "m", "station"), noun("школа", "f", "school")),
    ),
    "festival": (noun("фестиваль", "m_soft", "festival"),),
    "team": (noun("команда", "f", "team"),),
    "book": (
        *(
            noun("роман", "m", "novel"),
            noun("повесть", "f_ь", "story"),
            noun("поэма", "f", "poem"),
            noun("пьеса", "f", "play"),
        ),
    ),
    "film": (
        noun("фильм", "m", "film"),
        noun("комедия", "f_ia", "comedy"),
        noun("драма", "f", "drama"),
        noun("мультфильм", "m", "cartoon"),
    ),
    "dish": (
        *(
            noun("пирог", "m", "pie"),
            noun("суп", "m", "soup"),
            noun("салат", "m", "salad"),
            noun("похлёбка", "f_velar", "stew"),
        ),
        *(noun("запеканка", "f_velar", "casserole"), noun("блюдо", "n", "dish"), noun("каша", "f_hush", "porridge")),
    ),
    "company": (
        noun("компания", "f_ia", "company"),
        noun("фирма", "f", "firm"),
        noun("завод", "m", "factory"),
        noun("холдинг", "m", "holding"),
    ),
    "product": (
        *(
            noun("телефон", "m", "phone"),
            noun("чайник", "m", "kettle"),
            noun("ноутбук", "m", "laptop"),
            noun("рюкзак", "m", "backpack"),
        ),
        *(
            noun("куртка", "f_velar", "jacket"),
            noun("лампа", "f", "lamp"),
            noun("колонка", "f_velar", "speaker"),
            noun("камера", "f", "camera"),
        ),
    ),
}
"""The class nouns of each kind of named thing."""
