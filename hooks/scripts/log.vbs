' w7prep: log.vbs FILE STEP CODE [TEXT]
' Appends "2019-01-09T04:30:00Z STEP 0x00000000 TEXT": UTC, the code as Windows documents it.
Option Explicit

Const ForAppending = 8

Dim args, shell, bias, line, text, file
Set args = WScript.Arguments
If args.Count < 3 Then WScript.Quit 87

' Minutes from local time to UTC; absent where the clock runs in UTC.
bias = 0
On Error Resume Next
Set shell = CreateObject("WScript.Shell")
bias = shell.RegRead("HKLM\SYSTEM\CurrentControlSet\Control\TimeZoneInformation\ActiveTimeBias")
If Err.Number <> 0 Then bias = 0
Err.Clear

text = ""
If args.Count > 3 Then text = args(3)
line = Utc(DateAdd("n", bias, Now)) & " " & args(1) & " 0x" & Right("0000000" & Hex(CLng(args(2))), 8)
If text <> "" Then line = line & " " & text

Set file = CreateObject("Scripting.FileSystemObject").OpenTextFile(args(0), ForAppending, True)
file.WriteLine line
file.Close
WScript.Quit Err.Number

Function Utc(t)
	Utc = Year(t) & "-" & Two(Month(t)) & "-" & Two(Day(t)) & "T" & _
	    Two(Hour(t)) & ":" & Two(Minute(t)) & ":" & Two(Second(t)) & "Z"
End Function

Function Two(n)
	Two = Right("0" & n, 2)
End Function
