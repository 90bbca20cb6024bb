"""Templates of reports: news by rubric, and scientific abstracts by field."""

from __future__ import annotations

from dataclasses import dataclass

from miniature.language.grammar import Phrase, noun
from miniature.world.opinions import Line, Lines


@dataclass(frozen=True)
class Event:
    """A kind of news: its headline, its first sentence in other words, and details to choose from."""

    headline: Line
    lead: Line
    details: Lines


NEWS: dict[str, tuple[Event, ...]] = {
    "спорт": (
        Event(
            ("{t} {t|обыграл} соперников в {c:loc}", "{t} beat its rivals in {c}"),
            (
                "в матче, который прошёл в {c:loc}, победу одержала {t}",
                "in the match held in {c} the victory went to {t}",
            ),
            (
                ("решающий гол забили на {n} минуте", "the decisive goal was scored in minute {n}"),
                ("тренер похвалил защиту и вратаря", "the coach praised the defence and the goalkeeper"),
                ("болельщики праздновали до ночи", "the fans celebrated until night"),
            ),
        ),
        Event(
            ("{p} {p|установил} рекорд на беговой дорожке", "{p} set a record on the running track"),
            (
                "спортивный рекорд: {p} {p|пробежал} дистанцию в {c:loc} быстрее всех",
                "a sports record: {p} ran the distance in {c} faster than all",
            ),
            (
                ("прежнее достижение держалось {n} лет", "the former achievement stood for {n} years"),
                ("судьи подтвердили результат забега", "the judges confirmed the result of the race"),
                ("спортсменов ждёт чемпионат", "a championship awaits the athletes"),
            ),
        ),
    ),
    "экономика": (
        Event(
            ("{k} увеличит выпуск товаров", "{k} will increase its output"),
            (
                "руководство сообщило, что {k} наращивает производство на {n} процентов",
                "the management said that {k} raises production by {n} percent",
            ),
            (
                ("акции выросли на бирже", "the shares rose on the exchange"),
                ("инвесторы ждут прибыли и дивидендов", "investors expect profit and dividends"),
                ("новый цех появится в {c:loc}", "a new workshop will appear in {c}"),
            ),
        ),
        Event(
            ("цены в {c:loc} выросли за месяц", "prices in {c} rose over the month"),
            (
                "жители {c:gen} платят за продукты на {n} процентов больше",
                "the residents of {c} pay {n} percent more for food",
            ),
            (
                ("банки подняли ставки по кредитам", "banks raised the rates on loans"),
                ("рынок ждёт решения о налогах", "the market waits for a decision on taxes"),
                ("аналитики говорят о росте инфляции", "analysts speak of growing inflation"),
            ),
        ),
    ),
    "культура": (
        Event(
            ("{f} получает главный приз", "{f} gets the main prize"),
            (
                "жюри кинофестиваля в {c:loc} назвало победителя, это {f}",
                "the jury of the film festival in {c} named the winner, it is {f}",
            ),
            (
                ("зрители аплодировали стоя", "the audience gave a standing ovation"),
                ("роль исполнила молодая актриса", "the part was played by a young actress"),
                ("критики хвалят сценарий и музыку", "critics praise the script and the music"),
            ),
        ),
        Event(
            ("{p} открывает выставку картин в {c:loc}", "{p} opens an exhibition of paintings in {c}"),
            (
                "художественный проект, который {p} {p|готовил} {n} месяцев, показали в {c:loc}",
                "the art project that {p} prepared for {n} months was shown in {c}",
            ),
            (
                ("в галерее представлены пейзажи и портреты", "the gallery shows landscapes and portraits"),
                ("на открытии играл оркестр", "an orchestra played at the opening"),
                ("выставка продлится до осени", "the exhibition lasts until autumn"),
            ),
        ),
    ),
    "наука": (
        Event(
            ("учёные из {c:gen} открыли новую звезду", "scientists from {c} discovered a new star"),
            (
                "астрономы, среди которых {p}, заметили неизвестное небесное тело",
                "astronomers, {p} among them, noticed an unknown celestial body",
            ),
            (
                ("наблюдения велись в телескоп {n} ночей", "observations were made with a telescope for {n} nights"),
                ("статья выйдет в научном журнале", "the paper will appear in a scientific journal"),
                ("гипотезу проверят другие лаборатории", "other laboratories will test the hypothesis"),
            ),
        ),
        Event(
            ("в лаборатории в {c:loc} создан прочный сплав", "a strong alloy is created in a laboratory in {c}"),
            (
                "группа, которую возглавляет {p}, получила материал прочнее стали",
                "the group headed by {p} obtained a material stronger than steel",
            ),
            (
                ("опыты повторили {n} раз", "the experiments were repeated {n} times"),
                ("исследователи измерили плотность и твёрдость", "the researchers measured density and hardness"),
                ("технология нужна космосу", "the technology is needed in space"),
            ),
        ),
    ),
    "происшествия": (
        Event(
            ("пожар в {c:loc}: горел склад", "fire in {c}: a warehouse burnt"),
            (
                "ночью спасатели тушили огонь на окраине {c:gen}",
                "at night rescuers put out flames on the outskirts of {c}",
            ),
            (
                ("из здания вывели {n} человек", "{n} people were led out of the building"),
                ("причину возгорания выясняет полиция", "the police are finding out the cause of the blaze"),
                ("пострадавшим помогли врачи скорой", "ambulance doctors helped the injured"),
            ),
        ),
        Event(
            ("{l} {l|закрыт} из-за аварии", "{l} is closed because of an accident"),
            (
                "авария произошла рано утром, и теперь {l} {l|закрыт} для людей",
                "the accident happened early in the morning, and now {l} is not open to people",
            ),
            (
                ("движение остановлено на {n} часов", "traffic is stopped for {n} hours"),
                ("на месте работают спасатели", "rescuers work at the scene"),
                ("водителей просят объезжать", "drivers are asked to go around"),
            ),
        ),
    ),
    "политика": (
        Event(
            ("мэр {c:gen} уходит в отставку", "the mayor of {c} resigns"),
            (
                "глава города {c} {p} объявил об уходе с поста",
                "the head of the city {c}, {p}, announced leaving the post",
            ),
            (
                ("новые выборы пройдут через {n} дней", "new elections will be held in {n} days"),
                ("депутаты обсудят кандидатов", "the deputies will discuss candidates"),
                ("оппозиция требует отчёта", "the opposition demands a report"),
            ),
        ),
        Event(
            ("парламент обсудил законы, автор которых {p}", "parliament discussed laws whose author is {p}"),
            (
                "депутаты спорили о проекте, который {p|предложил} {p}",
                "the deputies argued about the bill that {p} proposed",
            ),
            (
                ("за документ отдали {n} голосов", "{n} votes were cast for the document"),
                ("министр обещал поправки", "the minister promised amendments"),
                ("партии договорились о втором чтении", "the parties agreed on a second reading"),
            ),
        ),
    ),
}
"""The rubrics and their events; {c} city, {p} person, {t} team, {f} film, {k} company, {l} landmark, {n} a number."""
NEWS_ENDINGS: Lines = (
    *(
        ("об этом сообщает корреспондент из {c:gen}", "our correspondent in {c} reports"),
        ("подробности будут позже", "details will follow"),
    ),
    *(("так говорится в сообщении", "so says the statement"), ("к теме ещё вернёмся", "we will return to the matter")),
)


@dataclass(frozen=True)
class Field:
    """A field of science: the area it belongs to, what it studies, with what, and what it finds."""

    name: str
    area: str
    objects: tuple[Phrase, ...]
    methods: tuple[Phrase, ...]
    findings: Lines


def _field(name: str, area: str, objects: str, methods: str, findings: Lines) -> Field:
    """Objects and methods are written as ``word/paradigm/english`` and separated by commas."""
    parsed = [
        tuple(noun(*(part.strip() for part in entry.split("/"))) for entry in text.split(","))
        for text in (objects, methods)
    ]
    return Field(name, area, parsed[0], parsed[1], findings)


SCIENCE = (
    _field(
        "физика",
        "естественные науки",
        "лазер/m/the laser, плазма/f/plasma, магнит/m/the magnet, кристалл/m/the crystal",
        "спектроскопия/f_ia/spectroscopy, интерферометрия/f_ia/interferometry",
        (
            ("найдено, что энергия растёт с температурой", "the energy is found to grow with temperature"),
            ("обнаружен сдвиг частоты излучения", "a shift of the radiation frequency is found"),
        ),
    ),
    _field(
        "химия",
        "естественные науки",
        "полимер/m/the polymer, катализатор/m/the catalyst, кислота/f/acid, растворитель/m_soft/the solvent",
        "хроматография/f_ia/chromatography, титрование/n_ie/titration",
        (
            ("выход реакции удвоен", "the yield of the reaction is doubled"),
            ("показано, что примесь ускоряет синтез", "an impurity is shown to speed up the synthesis"),
        ),
    ),
    _field(
        "биология",
        "естественные науки",
        "клетка/f_velar/the cell, белок/m/protein/белк, бактерия/f_ia/the bacterium, фермент/m/the enzyme",
        "микроскопия/f_ia/microscopy, секвенирование/n_ie/sequencing",
        (
            ("описан новый ген", "a new gene is described"),
            ("рост популяции замедлен вдвое", "the growth of the population is halved"),
        ),
    ),
    _field(
        "математика",
        "точные науки",
        "уравнение/n_ie/the equation, граф/m/the graph, матрица/f_c/the matrix, теорема/f/the theorem",
        "индукция/f_ia/induction, аппроксимация/f_ia/approximation",
        (
            ("доказана единственность решения", "the uniqueness of the solution is proved"),
            ("получена верхняя оценка", "an upper bound is obtained"),
        ),
    ),
    _field(
        "информатика",
        "точные науки",
        "алгоритм/m/the algorithm, нейросеть/f_ь/the neural network, компилятор/m/the compiler, шифр/m/the cipher",
        "моделирование/n_ie/simulation, профилирование/n_ie/profiling",
        (
            ("время вычислений сокращено", "the computing time is cut"),
            ("точность на тестовых данных выше прежней", "the accuracy on test data is above the former"),
        ),
    ),
    _field(
        "медицина",
        "науки о человеке",
        "вакцина/f/the vaccine, опухоль/f_ь/the tumour, гипертония/f_ia/hypertension, диета/f/diet",
        "томография/f_ia/tomography, наблюдение/n_ie/observation",
        (
            ("симптомы у пациентов ослабли", "the symptoms of the patients weakened"),
            ("риск осложнений снижен", "the risk of complications is lowered"),
        ),
    ),
    _field(
        "психология",
        "науки о человеке",
        "память/f_ь/memory, внимание/n_ie/attention, тревожность/f_ь/anxiety, мотивация/f_ia/motivation",
        "анкетирование/n_ie/a questionnaire, тестирование/n_ie/testing",
        (
            ("у студентов улучшилась концентрация", "the concentration of students improved"),
            ("связь со стрессом подтверждена", "the link with stress is confirmed"),
        ),
    ),
    _field(
        "история",
        "гуманитарные науки",
        "ремесло/n/craft, торговля/f_soft/trade, летопись/f_ь/the chronicle, восстание/n_ie/the uprising",
        "археология/f_ia/archaeology, датировка/f_velar/dating",
        (
            ("уточнена дата события", "the date of the event is made precise"),
            ("документы архива опровергают легенду", "the archive documents refute the legend"),
        ),
    ),
    _field(
        "лингвистика",
        "гуманитарные науки",
        "диалект/m/the dialect, глагол/m/the verb, метафора/f/the metaphor, ударение/n_ie/stress",
        "транскрипция/f_ia/transcription, аннотирование/n_ie/annotation",
        (
            ("выявлены заимствованные слова", "borrowed words are revealed"),
            ("говоры различаются порядком слов", "the local tongues differ in word order"),
        ),
    ),
    _field(
        "экономика",
        "общественные науки",
        "инфляция/f_ia/inflation, рынок/m/the market/рынк, налог/m/the tax, занятость/f_ь/employment",
        "регрессия/f_ia/regression, прогнозирование/n_ie/forecasting",
        (
            ("спрос падает вслед за доходом", "demand falls after income"),
            ("издержки фирм завышены", "the costs of firms are overstated"),
        ),
    ),
    _field(
        "право",
        "общественные науки",
        "договор/m/the contract, собственность/f_ь/property, конституция/f_ia/the constitution, суд/m/the court",
        "сравнение/n_ie/comparison, толкование/n_ie/interpretation",
        (
            ("предложены поправки к кодексу", "amendments to the code are proposed"),
            ("судебная практика противоречива", "the court practice is contradictory"),
        ),
    ),
    _field(
        "геология",
        "науки о Земле",
        "вулкан/m/the volcano, минерал/m/the mineral, ледник/m/the glacier, разлом/m/the fault",
        "бурение/n_ie/drilling, сейсмология/f_ia/seismology",
        (
            ("возраст пород оценён заново", "the age of the rocks is estimated anew"),
            ("построена карта слоёв", "a map of the layers is drawn"),
        ),
    ),
)
PAPER_TITLES: Lines = (
    *(
        ("{o} и {x}: исследование на примере {c:gen}", "{o} and {x}: a study of {c}"),
        ("{m} как метод: {o}", "{m} as a method: {o}"),
    ),
    *(
        ("к вопросу о том, как изучать {o:acc} в {c:loc}", "on the question of how to study {o} in {c}"),
        ("свойства {o:gen} по данным из {c:gen}", "properties of {o} from the data of {c}"),
    ),
)
PAPER_AIMS: Lines = (
    *(
        ("в работе рассматривается {o}", "the paper considers {o}"),
        ("цель статьи — описать {o:acc}", "the aim of the article is to describe {o}"),
    ),
    *(
        ("автор ({p}) исследует {o:acc} и {x:acc}", "the author ({p}) studies {o} and {x}"),
        ("изучены {o} и {x}", "{o} and {x} are studied"),
    ),
)
PAPER_METHODS: Lines = (
    *(
        ("метод — {m}", "the method is {m}"),
        ("материал собран в {c:loc}, {m|использован} {m}", "the material was collected in {c}, {m} was used"),
    ),
    *(
        ("с помощью {m:gen} получены данные из {c:gen}", "data from {c} were obtained with {m}"),
        ("основа анализа — {m}", "the basis of the analysis is {m}"),
    ),
)
PAPER_ENDINGS: Lines = (
    *(
        ("результаты полезны для дальнейших работ", "the results are useful for further work"),
        ("выводы проверены в {c:loc}", "the conclusions were checked in {c}"),
    ),
    *(
        ("намечены задачи на будущее", "tasks for the future are outlined"),
        ("работу обсуждает {p}", "the work is discussed by {p}"),
    ),
)
