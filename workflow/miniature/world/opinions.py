"""Templates of opinions: reviews of organisations, products and films; comments; messages on touchy topics."""

from __future__ import annotations

from dataclasses import dataclass

Line = tuple[str, str]
"""One template, Russian and English."""
Lines = tuple[Line, ...]


@dataclass(frozen=True)
class Opinions:
    """What reviewers of one category say: how they begin, what they praise and what they blame."""

    openings: Lines
    praise: Lines
    blame: Lines


ORGANISATIONS = {
    "Кафе": Opinions(
        (
            ("зашли с друзьями в кафе в {s:loc}", "we went to a cafe in {s} with friends"),
            ("обедал в этом кафе в {s:loc}", "I had lunch at this cafe in {s}"),
        ),
        (
            ("кофе ароматный и горячий", "the coffee is fragrant and hot"),
            ("официанты вежливые и быстрые", "the waiters are polite and quick"),
            ("десерты свежие, порции большие", "the desserts are fresh, the portions are large"),
            ("меню разнообразное, всё вкусно", "the menu is varied, everything is tasty"),
        ),
        (
            ("кофе холодный и горький", "the coffee is cold and bitter"),
            ("официант перепутал заказ и нагрубил", "the waiter mixed up the order and was rude"),
            ("суп пересолен, салат несвежий", "the soup is too salty, the salad is not fresh"),
            ("ждали заказ больше часа", "we waited over an hour for the order"),
        ),
    ),
    "Гостиница": Opinions(
        (
            ("останавливались в гостинице в {s:loc}", "we stayed at a hotel in {s}"),
            ("снимал номер в этом отеле в {s:loc}", "I took a room at this hotel in {s}"),
        ),
        (
            ("номер чистый, кровать удобная", "the room is clean, the bed is comfortable"),
            ("завтрак сытный, вид из окна прекрасный", "the breakfast is filling, the window view is lovely"),
            ("на стойке заселили сразу", "the reception checked us in at once"),
            ("постель свежая, в номере тихо", "the linen is fresh, the room is quiet"),
        ),
        (
            ("номер грязный, кровать скрипит", "the room is dirty, the bed creaks"),
            ("всю ночь шумели соседи, стены тонкие", "the neighbours were noisy all night, the walls are thin"),
            ("горячей воды в душе не было", "there was no hot water in the shower"),
            ("завтрак скудный, полотенца рваные", "the breakfast is poor, the towels are torn"),
        ),
    ),
    "Аптека": Opinions(
        (
            ("покупаю лекарства в этой аптеке в {s:loc}", "I buy medicines at this pharmacy in {s}"),
            ("забегала в аптеку в {s:loc}", "I dropped into a pharmacy in {s}"),
        ),
        (
            ("фармацевт подробно объяснил, как пить таблетки", "the pharmacist explained how to take the pills"),
            ("все лекарства есть в наличии", "all medicines are in stock"),
            ("цены на препараты ниже, чем у других", "the prices of drugs are lower than elsewhere"),
            ("очереди нет, рецепт приняли сразу", "there is no queue, the prescription was taken at once"),
        ),
        (
            ("продали просроченные таблетки", "they sold expired pills"),
            ("нужных лекарств вечно нет", "the medicines needed are never there"),
            ("фармацевт не знает своих препаратов", "the pharmacist does not know the drugs"),
            ("огромная очередь к одной кассе, рецепт потеряли", "a huge queue to one till, the prescription was lost"),
        ),
    ),
    "Автосервис": Opinions(
        (
            ("чинил машину в автосервисе в {s:loc}", "I had my car repaired at a garage in {s}"),
            ("менял масло в сервисе в {s:loc}", "I changed the oil at a garage in {s}"),
        ),
        (
            ("мастера нашли поломку двигателя за час", "the mechanics found the engine fault in an hour"),
            ("ремонт недорогой, тормоза как новые", "the repair is cheap, the brakes are like new"),
            ("механик честно сказал, что менять не нужно", "the mechanic honestly said what need not be replaced"),
            ("машину вернули чистой и в срок", "the car was returned clean and on time"),
        ),
        (
            ("после ремонта двигатель стучит сильнее", "after the repair the engine knocks louder"),
            ("взяли деньги за детали, которых не ставили", "they charged for parts that were never fitted"),
            ("поцарапали дверь машины и молчали", "they scratched the car door and kept silent"),
            ("мастер держал машину две недели", "the mechanic kept the car for two weeks"),
        ),
    ),
    "Салон красоты": Opinions(
        (
            ("ходила на стрижку в салон в {s:loc}", "I went for a haircut at a salon in {s}"),
            ("делала маникюр в салоне в {s:loc}", "I had a manicure at a salon in {s}"),
        ),
        (
            ("стрижка получилась именно такой, как хотела", "the haircut came out just as I wanted"),
            ("парикмахер внимательный, краска лежит ровно", "the hairdresser is attentive, the dye lies evenly"),
            ("маникюр держится третью неделю", "the manicure has lasted three weeks"),
            ("инструменты стерильные, мастер аккуратный", "the tools are sterile, the master is careful"),
        ),
        (
            ("волосы сожгли краской", "they burnt my hair with dye"),
            ("маникюр облез на второй день", "the manicure peeled off on the second day"),
            ("стрижка кривая, мастер спешил", "the haircut is crooked, the master was in a hurry"),
            ("опоздали с записью на час", "they were an hour late with the booking"),
        ),
    ),
    "Музей": Opinions(
        (
            ("были на выставке в музее в {s:loc}", "we visited an exhibition at a museum in {s}"),
            ("водили детей в музей в {s:loc}", "we took the children to a museum in {s}"),
        ),
        (
            ("экскурсовод рассказывает увлекательно", "the guide tells a gripping story"),
            ("экспонаты редкие, залы светлые", "the exhibits are rare, the halls are bright"),
            (
                "коллекция картин большая, подписи понятные",
                "the collection of paintings is large, the labels are clear",
            ),
            ("билеты недорогие, дети в восторге от залов", "the tickets are cheap, the children love the halls"),
        ),
        (
            ("половина залов закрыта, экспонаты пыльные", "half of the halls are closed, the exhibits are dusty"),
            ("экскурсовод бубнил, ничего не слышно", "the guide mumbled, nothing could be heard"),
            ("билет дорогой, а выставка из трёх картин", "the ticket is dear, and the exhibition is three paintings"),
            ("смотрительница кричала на детей в зале", "the attendant shouted at the children in the hall"),
        ),
    ),
    "Банк": Opinions(
        (
            ("оформлял вклад в банке в {s:loc}", "I opened a deposit at a bank in {s}"),
            ("получала карту в отделении банка в {s:loc}", "I got a card at a bank branch in {s}"),
        ),
        (
            ("кредит одобрили за день, ставка честная", "the loan was approved in a day, the rate is honest"),
            ("карту выдали быстро, приложение удобное", "the card was issued quickly, the app is handy"),
            ("менеджер объяснил все условия вклада", "the manager explained all terms of the deposit"),
            ("перевод пришёл мгновенно и без комиссии", "the transfer came at once and without a fee"),
        ),
        (
            ("списали комиссию без предупреждения", "they charged a fee without warning"),
            ("навязали страховку к кредиту", "they forced insurance on the loan"),
            ("карту заблокировали, перевод пропал", "the card was blocked, the transfer vanished"),
            ("менеджер не знает условий вклада", "the manager does not know the terms of the deposit"),
        ),
    ),
    "Спортзал": Opinions(
        (
            ("купил абонемент в спортзал в {s:loc}", "I bought a membership at a gym in {s}"),
            ("занимаюсь в фитнес-клубе в {s:loc}", "I train at a fitness club in {s}"),
        ),
        (
            ("тренажёры новые, зал просторный", "the machines are new, the gym is spacious"),
            ("тренер составил отличную программу упражнений", "the trainer made a great exercise programme"),
            ("бассейн чистый, раздевалки удобные", "the pool is clean, the changing rooms are comfortable"),
            ("групповые тренировки бодрые и весёлые", "the group workouts are lively and fun"),
        ),
        (
            ("тренажёры сломаны, в зале душно", "the machines are broken, the gym is stuffy"),
            ("тренер сидит в телефоне и не помогает", "the trainer sits on the phone and does not help"),
            ("в бассейне холодная мутная вода", "the pool water is cold and cloudy"),
            ("абонемент продали, а тренировки отменили", "they sold the membership and cancelled the workouts"),
        ),
    ),
}

PRODUCT = Opinions(
    (
        ("купили {s:acc} месяц назад", "we bought {s} a month ago"),
        ("заказала {s:acc} по почте", "I ordered {s} by post"),
        ("{s} служит мне полгода", "{s} has served me for half a year"),
        ("подарили мне {s:acc}", "I was given {s} as a present"),
    ),
    (
        ("качество отличное, всё работает", "the quality is excellent, everything works"),
        ("за эти деньги лучше не найти", "you will not find better for the money"),
        ("выглядит красиво, сделано аккуратно", "it looks beautiful and is made carefully"),
        ("доставили быстро, упаковка целая", "delivery was quick, the package was whole"),
        ("пользуюсь каждый день с удовольствием", "I use it every day with pleasure"),
        ("очень удобная вещь, лёгкая и прочная", "a very handy thing, light and strong"),
    ),
    (
        ("сломалась эта вещь через неделю", "the thing broke in a week"),
        ("качество ужасное, кнопки западают", "the quality is terrible, the buttons stick"),
        ("пахнет дешёвой пластмассой", "it smells of cheap plastic"),
        ("пришло не то, что на картинке", "what came is not what the picture shows"),
        ("деньги на ветер", "money down the drain"),
        ("доставка опоздала, коробка мятая", "the delivery was late, the box was crushed"),
    ),
)
FILM = Opinions(
    (
        ("вчера посмотрели {s:acc}", "yesterday we watched {s}"),
        ("давно хотела увидеть {s:acc}", "I had long wanted to see {s}"),
        ("о {s:loc} много говорят", "there is much talk about {s}"),
        ("смотрел {s:acc} в полном зале", "I watched {s} in a full house"),
    ),
    (
        ("актёры играют великолепно", "the actors play magnificently"),
        ("сюжет держит до последней минуты", "the plot grips to the last minute"),
        ("музыка и съёмка прекрасны", "the music and camera work are lovely"),
        ("диалоги умные, юмор тонкий", "the dialogues are clever, the humour is subtle"),
        ("финал тронул меня до слёз", "the ending moved me to tears"),
        ("режиссёр сотворил чудо", "the director worked a wonder"),
    ),
    (
        ("актёры играют деревянно", "the acting is wooden"),
        ("сюжет скучный и затянутый", "the plot is dull and drawn out"),
        ("музыка раздражает, съёмка дрожит", "the music annoys, the camera shakes"),
        ("диалоги глупые, шутки плоские", "the dialogues are stupid, the jokes are flat"),
        ("финал разочаровал весь зал", "the ending disappointed the whole house"),
        ("режиссёр провалил хорошую идею", "the director ruined a good idea"),
    ),
)
VERDICTS: dict[str, Lines] = {
    "awful": (
        ("ужас, никому не советую", "a horror, I advise it to nobody"),
        ("худшее, что было в моей жизни", "the worst thing in my life"),
        ("ноль баллов, верните деньги", "zero points, give my money back"),
    ),
    "bad": (
        ("в целом плохо, больше не хочу", "on the whole bad, I want no more"),
        ("скорее не советую", "I would rather not recommend it"),
        ("осталось неприятное чувство", "an unpleasant feeling remains"),
    ),
    "mixed": (
        ("в общем, ничего особенного", "all in all, nothing special"),
        ("впечатления смешанные, на троечку", "mixed impressions, a middling mark"),
        ("бывает и лучше, бывает и хуже", "there is better and there is worse"),
    ),
    "good": (
        ("в целом хорошо, можно советовать", "on the whole good, I can recommend it"),
        ("мне понравилось, есть мелочи", "I liked it, with small flaws"),
        ("хороший выбор", "a good choice"),
    ),
    "great": (
        ("восторг, всем советую", "delight, I recommend it to everybody"),
        ("лучшее, что было в моей жизни", "the best thing in my life"),
        ("пять баллов, огромное спасибо", "five points, many thanks"),
    ),
}

EVENTS: Lines = (
    ("вчера {p} {p|приехал} в {c:acc}", "yesterday {p} came to {c}"),
    ("мне позвонила соседка из {c:gen}", "a neighbour from {c} called me"),
    ("сегодня {p} {p|рассказал} новость о работе", "today {p} told the news about work"),
    ("в {c:loc} открыли новую площадь", "a new square was opened in {c}"),
    ("мы гуляли по {c:dat} до вечера", "we walked around {c} until evening"),
    ("{p} {p|написал} мне письмо из {c:gen}", "{p} wrote me a letter from {c}"),
    ("в выходные {p} {p|собрал} всех друзей", "at the weekend {p} gathered all friends"),
    ("завтра мы уезжаем в {c:acc}", "tomorrow we leave for {c}"),
)
EMOTIONS: dict[str, Lines] = {
    "joy": (
        ("как я счастлива, это чудесный день", "I am so happy, it is a wonderful day"),
        ("ура, радуюсь от всей души", "hurrah, I rejoice with all my heart"),
        ("улыбаюсь весь вечер, так хорошо", "I have been smiling all evening, so good"),
        ("какое счастье и веселье", "what happiness and fun"),
    ),
    "sadness": (
        ("так грустно, хочется плакать", "so sad, I want to cry"),
        ("тоска и слёзы, ничего не радует", "gloom and tears, nothing pleases me"),
        ("мне очень жаль, на душе печаль", "I am very sorry, there is sorrow in my soul"),
        ("скучаю и горюю каждый день", "I miss it and grieve every day"),
    ),
    "surprise": (
        ("вот это да, не ожидал такого", "wow, I did not expect that"),
        ("я поражён, глазам не верю", "I am amazed, I cannot believe my eyes"),
        ("неожиданно, кто бы мог подумать", "unexpected, who could have thought"),
        ("ничего себе поворот, я в изумлении", "what a turn, I am astonished"),
    ),
    "fear": (
        ("мне страшно, дрожат руки", "I am scared, my hands tremble"),
        ("боюсь даже думать об этом", "I am afraid even to think of it"),
        ("от ужаса не сплю ночами", "I do not sleep at night from terror"),
        ("тревога и испуг не проходят", "anxiety and fright do not pass"),
    ),
    "anger": (
        ("как же это бесит, я в ярости", "how infuriating, I am in a rage"),
        ("злюсь и ругаюсь весь день", "I have been angry and cursing all day"),
        ("возмутительно, терпеть нет сил", "outrageous, I cannot stand it"),
        ("ненавижу такое хамство", "I hate such rudeness"),
    ),
}
CALM: Lines = (
    ("встреча начнётся в семь часов", "the meeting starts at seven"),
    ("потом был обычный ужин", "then there was an ordinary dinner"),
    ("поезд отходит по расписанию", "the train leaves on schedule"),
    ("документы лежат в папке", "the documents are in the folder"),
)
TOPICS: dict[str, Lines] = {
    "азартные игры": (
        (
            "в {c:loc} снова зовут в казино ставить деньги на рулетку",
            "in {c} they call people to the casino again to bet on roulette",
        ),
        ("{p} {p|проиграл} зарплату в карты", "{p} lost the wages at cards"),
    ),
    "кредиты": (
        ("{p} {p|взял} ещё один заём под огромный процент", "{p} took another loan at a huge rate"),
        ("в {c:loc} раздают кредиты без справок", "in {c} they hand out loans without papers"),
    ),
    "политика": (
        ("на выборах в {c:loc} опять спорят партии", "the parties argue again at the elections in {c}"),
        ("{p} {p|сказал} речь против нового закона на митинге", "{p} made a speech against the new law at a rally"),
    ),
    "религия": (
        ("в {c:loc} спорят, чья вера древнее", "in {c} they argue whose faith is older"),
        ("{p} {p|отказался} от поста и молитвы", "{p} gave up fasting and prayer"),
    ),
    "здоровье": (
        ("{p} лечит грипп заговорами вместо таблеток", "{p} treats flu with charms instead of pills"),
        ("в {c:loc} отказываются от прививок", "in {c} they refuse vaccinations"),
    ),
    "суеверия": (
        ("гадалка из {c:gen} обещает снять порчу", "a fortune teller from {c} promises to lift a curse"),
        ("{p} верит гороскопу и чёрной кошке", "{p} believes in the horoscope and the black cat"),
    ),
    "опасный спорт": (
        ("{p} {p|прыгнул} с крыши без страховки", "{p} jumped off a roof without a rope"),
        ("подростки в {c:loc} цепляются к поездам", "teenagers in {c} hang on to trains"),
    ),
    "оружие": (
        ("в {c:loc} продают ружья без разрешения", "in {c} they sell rifles without a licence"),
        ("{p} {p|спрятал} дома пистолет", "{p} hid a pistol at home"),
    ),
}
RUDE: Lines = (
    ("вот болваны, так им и надо", "what dolts, serves them right"),
    ("пусть все эти глупцы убираются вон", "let all these fools get out"),
    ("кто так делает, тот полный дурак", "whoever does so is a complete fool"),
    ("противно на этих людей смотреть", "it is disgusting to look at these people"),
)
DECENT: Lines = (
    ("давайте спокойно разберёмся", "let us look into it calmly"),
    ("хотелось бы узнать мнение врачей и юристов", "I would like to know what doctors and lawyers think"),
    ("надеюсь, всем удастся помочь", "I hope that everyone can be helped"),
    ("подскажите, куда можно обратиться", "please tell me whom to ask"),
)
