"""Templates of requests: what users say to an assistant, and technical questions with their solutions."""

from __future__ import annotations

from dataclasses import dataclass

from miniature.language.grammar import Phrase, fixed
from miniature.world.opinions import Lines

HOURS: tuple[Phrase, ...] = tuple(
    fixed(ru, en)
    for ru, en in (
        *(
            ("шесть утра", "six in the morning"),
            ("семь утра", "seven in the morning"),
            ("восемь утра", "eight in the morning"),
        ),
        *(
            ("полдень", "noon"),
            ("три часа дня", "three in the afternoon"),
            ("пять вечера", "five in the evening"),
            ("девять вечера", "nine in the evening"),
        ),
    )
)
DAYS: tuple[Phrase, ...] = tuple(
    fixed(ru, en)
    for ru, en in (
        *(("завтра", "tomorrow"), ("сегодня", "today"), ("в понедельник", "on Monday"), ("в среду", "on Wednesday")),
        *(("в пятницу", "on Friday"), ("на выходных", "at the weekend"), ("послезавтра", "the day after tomorrow")),
    )
)
POLITE: Lines = (
    *(("{0}", "{0}"), ("пожалуйста {0}", "please {0}"), ("{0} пожалуйста", "{0} please"), ("слушай {0}", "listen {0}")),
)
UTTERANCES: dict[str, Lines] = {
    "alarm_set": (
        ("разбуди меня в {h}", "wake me up at {h}"),
        ("поставь будильник на {h}", "set an alarm for {h}"),
        ("заведи будильник {w} на {h}", "set the alarm {w} for {h}"),
    ),
    "alarm_remove": (
        ("отключи будильник на {h}", "turn off the alarm for {h}"),
        ("удали все будильники {w}", "remove all alarms {w}"),
        ("отмени будильник {w}", "cancel the alarm {w}"),
    ),
    "weather_query": (
        ("какая погода в {c:loc} {w}", "what is the weather in {c} {w}"),
        ("будет ли дождь {w} в {c:loc}", "will it rain {w} in {c}"),
        ("скажи прогноз погоды для {c:gen}", "tell the weather forecast for {c}"),
    ),
    "calendar_set": (
        ("запиши встречу с {p:ins} {w} в календарь", "put a meeting with {p} {w} into the calendar"),
        ("добавь в календарь событие {f} {w}", "add the event {f} {w} to the calendar"),
        ("назначь встречу {w} на {h}", "schedule a meeting {w} at {h}"),
    ),
    "calendar_query": (
        ("что у меня в календаре {w}", "what is in my calendar {w}"),
        ("есть ли у меня встречи {w}", "do I have meetings {w}"),
        ("когда моя встреча с {p:ins}", "when is my meeting with {p}"),
    ),
    "play_music": (
        ("включи музыку {p:gen}", "play music by {p}"),
        ("сыграй песню которую поёт {p}", "play the song that {p} sings"),
        ("поставь что-нибудь весёлое послушать", "put on something cheerful to listen to"),
    ),
    "play_radio": (
        ("включи радио {c:gen}", "play the radio of {c}"),
        ("найди радиостанцию из {c:gen}", "find a radio station from {c}"),
        ("переключи на радио с новостями", "switch to a news radio"),
    ),
    "transport_ticket": (
        ("закажи билет на поезд до {c:gen} {w}", "book a train ticket to {c} {w}"),
        ("купи билет в {c:acc} на {h}", "buy a ticket to {c} at {h}"),
        ("забронируй место в поезде до {c:gen}", "reserve a seat on the train to {c}"),
    ),
    "transport_taxi": (
        ("вызови такси до {c:gen}", "call a taxi to {c}"),
        ("мне нужно такси {w} на {h}", "I need a taxi {w} at {h}"),
        ("закажи машину чтобы ехать к {p:dat}", "order a car to go to {p}"),
    ),
    "cooking_recipe": (
        ("найди рецепт на ужин {d}", "find a dinner recipe {d}"),
        ("как готовится {d}", "how is {d} cooked"),
        ("что приготовить {w} на обед", "what to cook {w} for lunch"),
    ),
    "email_send": (
        ("отправь письмо {p:dat}", "send an email to {p}"),
        ("напиши на почту {p:dat} что я опоздаю", "write an email to {p} that I will be late"),
        ("ответь на письмо от {p:gen}", "reply to the email from {p}"),
    ),
    "email_query": (
        ("есть ли новые письма от {p:gen}", "are there new emails from {p}"),
        ("проверь мою почту {w}", "check my mailbox {w}"),
        ("прочитай последнее письмо от {p:gen}", "read the last email from {p}"),
    ),
    "iot_lighton": (
        ("включи свет на кухне", "turn on the light in the kitchen"),
        ("зажги лампу в спальне в {h}", "switch on the lamp in the bedroom at {h}"),
        ("сделай свет в комнате", "make light in the room"),
    ),
    "iot_lightoff": (
        ("выключи свет на кухне", "turn off the light in the kitchen"),
        ("погаси лампу в спальне в {h}", "put out the lamp in the bedroom at {h}"),
        ("убери свет в комнате", "take away the light in the room"),
    ),
    "news_query": (
        ("какие новости в {c:loc}", "what is the news in {c}"),
        ("расскажи последние новости про {p:acc}", "tell the latest news about {p}"),
        ("что случилось {w} в {c:loc}", "what happened {w} in {c}"),
    ),
    "lists_add": (
        ("добавь {d:acc} в список покупок", "add {d} to the shopping list"),
        ("запиши в список дел позвонить {p:dat}", "write down calling {p} in the to do list"),
        ("внеси в список билеты в {c:acc}", "put tickets to {c} on the list"),
    ),
}
"""What is asked under each intent; the word before the first underscore is the scenario."""


@dataclass(frozen=True)
class Problem:
    """A technical problem: how it is asked in a heading, told in a body, and solved."""

    tag: str
    asked: Lines
    told: Lines
    solved: Lines


PROBLEMS = (
    Problem(
        "wifi",
        (
            ("почему {s} не видит сеть Wi-Fi", "why does {s} not see the Wi-Fi network"),
            ("как подключить {s:acc} к беспроводной сети", "how to connect {s} to a wireless network"),
        ),
        (
            ("роутер работает, но в списке сетей пусто", "the router works, but the list of networks is empty"),
            ("пароль верный, а соединения нет", "the password is right, yet there is no connection"),
        ),
        (
            (
                "смените канал роутера на первый и перезагрузите сеть",
                "change the router channel to one and restart the network",
            ),
            ("включите на роутере диапазон 2,4 ГГц", "enable the 2.4 GHz band on the router"),
        ),
    ),
    Problem(
        "battery",
        (
            ("почему {s} быстро разряжается", "why does {s} discharge quickly"),
            ("как продлить работу батареи, если у меня {s}", "how to make the battery last if I have {s}"),
        ),
        (
            ("заряда хватает на час, хотя батарея новая", "the charge lasts an hour, although the battery is new"),
            ("батарея тает на глазах даже ночью", "the battery melts away even at night"),
        ),
        (
            (
                "отключите фоновую синхронизацию и проверьте аккумулятор",
                "turn off background sync and check the accumulator",
            ),
            (
                "откалибруйте аккумулятор: полностью разрядите и зарядите",
                "calibrate the accumulator: discharge it fully and charge",
            ),
        ),
    ),
    Problem(
        "password",
        (
            ("как сбросить пароль, если {s} заблокирован", "how to reset the password if {s} is locked"),
            ("забыл пароль, а {s} не пускает внутрь", "I forgot the password, and {s} does not let me in"),
        ),
        (
            ("после пяти попыток ввод кода закрыт", "after five attempts the code entry is closed"),
            ("почта для восстановления тоже потеряна", "the recovery mail is lost as well"),
        ),
        (
            ("зажмите кнопку питания и выберите сброс настроек", "hold the power button and choose a factory reset"),
            (
                "напишите в поддержку производителя и подтвердите покупку чеком",
                "write to the maker's support and confirm the purchase with the receipt",
            ),
        ),
    ),
    Problem(
        "sound",
        (
            ("почему {s} хрипит при воспроизведении звука", "why does {s} crackle when playing sound"),
            ("как убрать шум, когда играет {s}", "how to remove the noise when {s} plays"),
        ),
        (
            ("динамик трещит на любой громкости", "the speaker crackles at any volume"),
            ("в наушниках слышен постоянный гул", "a steady hum is heard in the headphones"),
        ),
        (
            (
                "прочистите сетку динамика и обновите звуковой драйвер",
                "clean the speaker grille and update the sound driver",
            ),
            ("отключите эквалайзер и проверьте аудиоразъём", "turn off the equaliser and check the audio jack"),
        ),
    ),
    Problem(
        "update",
        (
            (
                "как откатить обновление, после которого {s} зависает",
                "how to roll back the update after which {s} freezes",
            ),
            (
                "{s} не ставит новую версию прошивки, что делать",
                "{s} does not install the new firmware version, what to do",
            ),
        ),
        (
            ("установка останавливается на девяти процентах", "the installation stops at nine percent"),
            ("после новой прошивки всё тормозит", "after the new firmware everything is slow"),
        ),
        (
            (
                "скачайте прежнюю прошивку и установите её через кабель",
                "download the previous firmware and install it by cable",
            ),
            (
                "освободите память и запустите установку обновления заново",
                "free some memory and start the update again",
            ),
        ),
    ),
    Problem(
        "screen",
        (
            ("почему мерцает экран, если включить {s:acc}", "why does the screen flicker if one turns on {s}"),
            ("чем заменить разбитый экран: у меня {s}", "what to replace a broken screen with: I have {s}"),
        ),
        (
            ("по дисплею идут полосы и пятна", "stripes and spots run over the display"),
            ("подсветка дисплея гаснет через минуту", "the display backlight goes out in a minute"),
        ),
        (
            ("замените шлейф дисплея, он переломлен", "replace the display ribbon cable, it is broken"),
            (
                "уменьшите частоту обновления и яркость дисплея",
                "lower the refresh rate and the brightness of the display",
            ),
        ),
    ),
    Problem(
        "backup",
        (
            ("как перенести фотографии туда, где {s}", "how to move the photos to where {s} is"),
            (
                "как сделать резервную копию, если {s} больше не включается",
                "how to make a backup if {s} does not turn on any more",
            ),
        ),
        (
            ("файлы нужны срочно, облака не было", "the files are needed urgently, there was no cloud"),
            ("память цела, но доступа к файлам нет", "the memory is intact, but there is no access to the files"),
        ),
        (
            (
                "извлеките карту памяти и скопируйте файлы через переходник",
                "take out the memory card and copy the files with an adapter",
            ),
            ("настройте копирование в облако по расписанию", "set up copying to the cloud on a schedule"),
        ),
    ),
    Problem(
        "heat",
        (
            ("почему {s} сильно греется", "why does {s} get very hot"),
            (
                "нормально ли, что {s} нагревается до семидесяти градусов",
                "is it normal that {s} heats up to seventy degrees",
            ),
        ),
        (
            ("корпус обжигает руку через десять минут", "the case burns the hand in ten minutes"),
            ("вентилятор ревёт, температура растёт", "the fan roars, the temperature rises"),
        ),
        (
            ("почистите вентилятор от пыли и смените термопасту", "clean the fan of dust and change the thermal paste"),
            (
                "не закрывайте отверстия охлаждения и снизьте нагрузку",
                "do not cover the cooling holes and lower the load",
            ),
        ),
    ),
    Problem(
        "print",
        (
            ("как распечатать документ, если подключён {s}", "how to print a document if {s} is connected"),
            ("принтер не видит {s:acc}, что проверить", "the printer does not see {s}, what should I check"),
        ),
        (
            ("задание висит в очереди печати", "the job hangs in the print queue"),
            ("бумага есть, краска есть, печати нет", "there is paper, there is ink, there is no printing"),
        ),
        (
            ("очистите очередь печати и переустановите принтер", "clear the print queue and reinstall the printer"),
            ("выберите принтер по умолчанию и проверьте порт", "choose the default printer and check the port"),
        ),
    ),
    Problem(
        "bluetooth",
        (
            ("почему {s} теряет связь по Bluetooth", "why does {s} lose the Bluetooth connection"),
            ("как связать {s:acc} с наушниками", "how to pair {s} with headphones"),
        ),
        (
            ("сопряжение обрывается каждые пять минут", "the pairing breaks every five minutes"),
            ("устройство видно, но код не принимается", "the device is seen, but the code is not accepted"),
        ),
        (
            ("удалите старое сопряжение и создайте его снова", "delete the old pairing and create it again"),
            (
                "уберите помехи: отключите соседние беспроводные устройства",
                "remove interference: turn off nearby wireless devices",
            ),
        ),
    ),
)
ADVICE_OPENINGS: Lines = (
    *(
        ("здравствуйте, у меня {s}", "hello, I have {s}"),
        ("купил устройство недавно, производитель — {k}", "I bought the device recently, the maker is {k}"),
    ),
    *(
        ("добрый день, прошу помощи: {s}", "good day, I ask for help: {s}"),
        ("всем привет, вот такая техника: {s}", "hi all, here is my gear: {s}"),
    ),
)
ADVICE_ENDINGS: Lines = (
    *(
        ("кто сталкивался?", "has anybody met this?"),
        ("что посоветуете?", "what do you advise?"),
        ("подскажите решение", "please suggest a solution"),
    ),
    *(("перепробовал всё, что нашёл", "I tried all that I found"),),
)
SOLVED_ENDINGS: Lines = (
    *(
        ("должно помочь", "it should help"),
        ("у меня так заработало", "it worked for me like this"),
        ("если у вас {s}, это верный способ", "if you have {s}, this is the sure way"),
    ),
    *(("проверено, где стоит {s}", "tested where {s} stands"),),
)
